//! The virtual machines of a data thread: one runs nearly all scripts; more are made while scripts run for long.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::script::vm::Vm;

/// Most machines of a thread; a script beyond waits.
const MACHINES_MAX: usize = 16;

/// Machines that are kept when nothing runs.
const KEPT: usize = 2;

/// A thread's machines.
pub(crate) struct Machines {
    idle: RefCell<Vec<Vm>>,
    permits: Arc<Semaphore>,
}

impl Default for Machines {
    fn default() -> Self {
        Self { idle: RefCell::default(), permits: Arc::new(Semaphore::new(MACHINES_MAX)) }
    }
}

/// A machine on loan. It goes back when dropped, and ends what it runs.
pub(crate) struct Lease {
    machines: Rc<Machines>,
    vm: Option<Vm>,
    _permit: OwnedSemaphorePermit,
}

impl Machines {
    /// A machine that is ready; `None` when there is no memory for one.
    pub(crate) async fn lend(self: &Rc<Self>) -> Option<Lease> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        let idle = self.idle.borrow_mut().pop();
        let vm = match idle {
            Some(vm) => vm,
            None => {
                let mut seed = [0; 4];
                super::shared::random_bytes(&mut seed);
                Vm::new(i32::from_le_bytes(seed))?
            }
        };
        Some(Lease { machines: Rc::clone(self), vm: Some(vm), _permit: permit })
    }
}

impl Deref for Lease {
    type Target = Vm;

    fn deref(&self) -> &Vm {
        self.vm.as_ref().expect("a lease has its machine until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Vm {
        self.vm.as_mut().expect("a lease has its machine until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut vm) = self.vm.take() else { return };
        vm.stop();
        let mut idle = self.machines.idle.borrow_mut();
        if idle.len() < KEPT {
            idle.push(vm);
        }
    }
}
