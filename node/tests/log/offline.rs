//! Data go out of a directory as a `dump.rdb` and into another.

use ringmaster_node::dump_file::Fields;
use ringmaster_node::log::Fsync;
use ringmaster_node::offline::{OfflineError, export, import};
use tempfile::TempDir;

use crate::restart::{COMMANDS, contents, start};

const LIBRARY: &str = "#!lua name=l\nredis.register_function('seven', function() return 7 end)";

#[test]
fn what_is_exported_comes_in_elsewhere_and_goes_on() {
    let (from, to, files) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = files.path().join("dump.rdb");
    let (node, mut client) = start(from.path(), Fsync::Everysec);
    COMMANDS.iter().for_each(|command| drop(client.call(command)));
    client.try_call(&["FUNCTION", "LOAD", LIBRARY]).unwrap();
    let before = contents(&mut client);
    let held = export(from.path(), &file, Fields::Dropped, &mut |_| {});
    assert!(matches!(held, Err(OfflineError::Io(_))), "a node uses the directory");
    node.stop();

    let exported = export(from.path(), &file, Fields::Dropped, &mut |_| {}).unwrap();
    assert_eq!(exported.keys, before.len() as u64);
    let imported = import(to.path(), &file, &mut |_| {}).unwrap();
    assert_eq!((imported.keys, imported.expired), (exported.keys, 0));
    let (node, mut client) = start(to.path(), Fsync::Everysec);
    assert_eq!(contents(&mut client), before);
    assert_eq!(client.call("FCALL seven 0"), ":7");
    client.call("SET more 1");
    node.stop();

    // What is there stays, and what comes in anew replaces its own kind only.
    import(to.path(), &file, &mut |_| {}).unwrap();
    let (node, mut client) = start(to.path(), Fsync::Everysec);
    assert_eq!(client.call("GET more"), "1");
    assert_eq!(client.call("FCALL seven 0"), ":7");
    assert_eq!(contents(&mut client).len(), before.len() + 1);
    node.stop();
}

#[test]
fn a_damaged_file_changes_nothing() {
    let (to, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = files.path().join("dump.rdb");
    let (node, mut client) = start(to.path(), Fsync::Everysec);
    client.call("SET k v");
    node.stop();
    export(to.path(), &file, Fields::Kept, &mut |_| {}).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.len() - 10;
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let refused = import(to.path(), &file, &mut |_| {}).unwrap_err();
    assert!(refused.to_string().starts_with("at byte "), "{refused}");
    let (node, mut client) = start(to.path(), Fsync::Everysec);
    assert_eq!(client.call("GET k"), "v");
    node.stop();
}
