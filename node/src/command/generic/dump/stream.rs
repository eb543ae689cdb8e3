//! Streams in Redis's RDB: blocks are nodes, as they are.

use ringmaster_protocol::rdb::stream::{StreamId as RdbId, StreamMeta, StreamWriter};
use ringmaster_protocol::rdb::wire::Output;

use crate::store::value::Stream;
use crate::store::value::stream::{Group, StreamId};

/// Writes a stream.
pub(super) fn write(out: &mut Output<'_>, stream: &Stream) {
    let blocks = stream.blocks();
    let mut writer = StreamWriter::begin(out, blocks.len());
    blocks.for_each(|(own, block)| writer.node(id(own), block.as_listpack()));
    let meta = StreamMeta {
        len: stream.len() as u64,
        last_id: id(stream.last_id()),
        first_id: id(stream.first_id()),
        max_deleted_id: id(stream.max_deleted_id()),
        entries_added: stream.added(),
    };
    let groups = stream.groups();
    writer.meta(&meta, groups.len());
    groups.for_each(|(name, group)| write_group(&mut writer, name, group));
}

fn write_group(writer: &mut StreamWriter<'_, '_>, name: &[u8], group: &Group) {
    let read = group.read.map(i64::cast_unsigned);
    writer.group(name, id(group.last_id), read, group.pending_len());
    for (own, pending, _) in group.pending_range(StreamId::MIN, StreamId::MAX) {
        writer.pending(id(own), pending.time, pending.count);
    }
    writer.consumers(group.consumers_len());
    for consumer in group.consumers() {
        writer.consumer(consumer.name(), consumer.seen, consumer.pending().iter().copied().map(id));
    }
}

fn id(id: StreamId) -> RdbId {
    RdbId { ms: id.ms, seq: id.seq }
}
