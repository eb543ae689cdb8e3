//! What becomes of a slot when the last node that held it is gone.

use crate::config::Millis;
use serde::de::{Deserialize, Deserializer, Error};

/// How long the data of a slot is waited for when no node that holds it answers. `auto`, `never`, or a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastReplicaLost {
    /// As [`LastReplicaLost::Never`] where a lost node keeps its data on disk, else 30 s.
    #[default]
    Auto,
    /// Until the node is back, or an operator gives it up.
    Never,
    /// Then the slot starts with what is left of it, which may be nothing.
    After(Millis),
}

/// The wait of [`LastReplicaLost::Auto`] where no disk has the data.
const AUTO: Millis = Millis::seconds(30);

impl LastReplicaLost {
    /// How long is waited where `is_durable` tells whether a lost node keeps its data; `None` is for ever.
    #[must_use]
    pub fn wait(self, is_durable: bool) -> Option<Millis> {
        match self {
            Self::Auto => (!is_durable).then_some(AUTO),
            Self::Never => None,
            Self::After(time) => Some(time),
        }
    }
}

impl<'de> Deserialize<'de> for LastReplicaLost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "never" => Ok(Self::Never),
            text => text.parse().map(Self::After).map_err(|_| {
                D::Error::custom(format!(
                    "`{text}` is not known here: give `auto`, `never` or a time as in `30s`"
                ))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_waited_for_unless_a_time_is_given() {
        assert_eq!(LastReplicaLost::Auto.wait(true), None);
        assert_eq!(LastReplicaLost::Auto.wait(false), Some(AUTO));
        assert_eq!(LastReplicaLost::Never.wait(false), None);
        assert_eq!(LastReplicaLost::After(Millis::seconds(1)).wait(true), Some(Millis::seconds(1)));
    }
}
