//! Work of ours on many values of a machine, without its bound of memory meanwhile.
//!
//! While there is a bound, the binding makes each call that may allocate a protected call of Lua, which costs more than
//! the call itself. Here the bound is looked at between values instead, so a machine may pass it by one value.

use mlua::Lua;

use super::vm::MEMORY_BYTES_MAX;

/// A machine without its bound, as long as this lives.
pub(super) struct Roomy<'l> {
    lua: &'l Lua,
    limit: usize,
}

impl<'l> Roomy<'l> {
    /// Lifts the bound.
    ///
    /// # Errors
    /// The machine has no bound that could be lifted.
    pub(super) fn new(lua: &'l Lua) -> mlua::Result<Self> {
        Ok(Self { lua, limit: lua.set_memory_limit(0)? })
    }

    /// Whether there is still room.
    ///
    /// # Errors
    /// There is none.
    #[inline]
    pub(super) fn check(&self) -> mlua::Result<()> {
        if self.lua.used_memory() <= MEMORY_BYTES_MAX {
            return Ok(());
        }
        Err(mlua::Error::MemoryError("not enough memory".to_owned()))
    }
}

impl Drop for Roomy<'_> {
    fn drop(&mut self) {
        // It had a bound before, so it can have one again.
        let _ = self.lua.set_memory_limit(self.limit);
    }
}
