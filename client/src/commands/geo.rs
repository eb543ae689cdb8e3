//! Places on the earth, in sorted sets.

use bytes::Bytes;

use crate::{client::Client, command::Command, error::Error, value::Pairs};

/// A place, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// East of Greenwich: -180..=180.
    pub longitude: f64,
    /// North of the equator: -85.05112878..=85.05112878.
    pub latitude: f64,
}

impl Client {
    /// `GEOADD`: sets the places of members; how many of them are new.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn geoadd<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = (Place, M)>,
    ) -> Result<u64, Error> {
        let add = |command: Command, (place, member): (Place, M)| {
            command.float(place.longitude).float(place.latitude).arg(member)
        };
        self.query(members.into_iter().fold(Command::new("GEOADD").arg(key), add)).await
    }

    /// `GEOPOS`: a place for each member, in order; up to half a metre beside the one that was set.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn geopos<M: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        members: impl IntoIterator<Item = M>,
    ) -> Result<Vec<Option<Place>>, Error> {
        let places: Vec<Option<(f64, f64)>> =
            self.query(Command::new("GEOPOS").arg(key).args(members)).await?;
        let place = |(longitude, latitude)| Place { longitude, latitude };
        Ok(places.into_iter().map(|found| found.map(place)).collect())
    }

    /// `GEODIST`: metres between two members; `None` when one of them is missing.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn geodist(
        &self,
        key: impl AsRef<[u8]>,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
    ) -> Result<Option<f64>, Error> {
        self.query(Command::new("GEODIST").arg(key).arg(from).arg(to).arg("m")).await
    }

    /// `GEOSEARCH … BYRADIUS`: up to `count` members within `radius` metres of a place, nearest first, with their
    /// distances in metres.
    ///
    /// # Errors
    /// As [`Client::command`]. Cancel safety: as there.
    pub async fn geosearch(
        &self,
        key: impl AsRef<[u8]>,
        center: Place,
        radius: f64,
        count: u32,
    ) -> Result<Vec<(Bytes, f64)>, Error> {
        let command = Command::new("GEOSEARCH").arg(key).arg("FROMLONLAT");
        let command = command.float(center.longitude).float(center.latitude).arg("BYRADIUS").float(radius);
        let command = command.args(["m", "ASC", "COUNT"]).int(count.into()).arg("WITHDIST");
        self.query(command).await.map(|Pairs(pairs)| pairs)
    }
}
