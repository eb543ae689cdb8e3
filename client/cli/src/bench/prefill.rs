//! Sets every key once, in batches, over one connection.

use std::io::{self, Write as _};

use super::{
    dial::Dial,
    workload::{Workload, WorkloadOptions},
};

/// A batch is sent when it has this many bytes: it fits into the sockets' buffers, so writing cannot block for ever.
const BATCH_BYTES: usize = 64 << 10;

/// Sets all keys of the workload at the server of `dial`.
///
/// # Errors
/// No connection, a broken one, or a SET that is refused.
pub(super) fn run(dial: &Dial, options: &WorkloadOptions) -> io::Result<()> {
    let mut stream = dial.open()?;
    let workload = Workload::new(options, 0);
    let (mut batch, mut sent) = (Vec::with_capacity(2 * BATCH_BYTES), 0);
    for key in 0..options.keys {
        workload.append_set_of(key, &mut batch);
        sent += 1;
        if batch.len() >= BATCH_BYTES || key + 1 == options.keys {
            stream.write_all(&batch)?;
            stream.flush()?;
            stream.await_ok(sent)?;
            batch.clear();
            sent = 0;
        }
    }
    Ok(())
}
