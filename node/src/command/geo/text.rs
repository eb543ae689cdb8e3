//! Numbers as the family shows them.

use ringmaster_protocol::resp::Protocol;
use ringmaster_protocol::resp::reply::Reply;

use super::point::Point;
use super::truncated;

/// Writes a distance with four decimals.
pub(super) fn distance(reply: &mut Reply<'_>, distance: f64) {
    let scaled = truncated((distance * 10_000.0).round_ties_even());
    let (sign, scaled) = (if scaled < 0 { "-" } else { "" }, scaled.unsigned_abs());
    reply.bulk(format!("{sign}{}.{:04}", scaled / 10_000, scaled % 10_000).as_bytes());
}

/// Writes longitude and latitude.
pub(super) fn position(reply: &mut Reply<'_>, point: Point) {
    reply.array(2);
    degrees(reply, point.longitude);
    degrees(reply, point.latitude);
}

/// Writes up to 17 decimals, without zeros at the end.
fn degrees(reply: &mut Reply<'_>, degrees: f64) {
    let text = format!("{degrees:.17}");
    let text = match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0",
        text => text,
    };
    match reply.protocol() {
        Protocol::Resp2 => reply.bulk(text.as_bytes()),
        Protocol::Resp3 => reply.raw(format!(",{text}\r\n").as_bytes()),
    }
}
