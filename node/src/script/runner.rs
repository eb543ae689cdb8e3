//! Carries out the tasks of a virtual machine.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use mlua::{Function, Lua, Table, Value, Variadic};
use ringmaster_protocol::resp::Protocol;

use super::catalogue::Script;
use super::cjson::Cjson;
use super::convert::{Tags, Writer};
use super::desk::{Desk, Outcome, Task};
use super::failure::{Report, table};
use super::library::{self, Library};
use super::pace::Pace;
use super::sandbox::{compile, watch_usually};
use super::sha1::Digest;
use super::shebang::{self, Flags};
use super::text::to_vec;

/// Scripts that stay compiled.
const COMPILED_MAX: usize = 1_000;

/// Libraries that stay loaded.
const LOADED_MAX: usize = 1_000;

/// A machine that holds more after a task collects its garbage at once.
const COLLECT_FROM_BYTES: usize = 16 << 20;

/// A library in this machine: what it was made of, and its functions.
struct Loaded {
    library: Arc<Library>,
    functions: HashMap<String, Function>,
}

/// The functions that a library registers while it is loaded.
#[derive(Default)]
pub(super) struct Loading {
    registered: RefCell<Option<Vec<(library::Function, Function)>>>,
}

/// Runs scripts and functions in one machine.
pub(super) struct Runner {
    lua: Lua,
    desk: Rc<Desk>,
    /// Globals of scripts, where `KEYS` and `ARGV` are put.
    globals: Table,
    script_environment: Table,
    function_environment: Table,
    switch_loading: Function,
    run: Function,
    run_with: Function,
    pace: Rc<Pace>,
    tags: Tags,
    loading: Rc<Loading>,
    report: Rc<RefCell<Option<Report>>>,
    cjson: Rc<Cjson>,
    compiled: RefCell<(u64, HashMap<Digest, Function>)>,
    loaded: RefCell<HashMap<String, Loaded>>,
}

impl Runner {
    pub(super) fn new(
        lua: &Lua,
        desk: &Rc<Desk>,
        prelude: &Table,
        (loading, report, cjson): (Rc<Loading>, Rc<RefCell<Option<Report>>>, Rc<Cjson>),
        pace: Rc<Pace>,
    ) -> mlua::Result<Self> {
        watch_usually(lua, desk, &pace)?;
        Ok(Self {
            lua: lua.clone(),
            desk: Rc::clone(desk),
            globals: prelude.raw_get("eval")?,
            script_environment: prelude.raw_get("eval_environment")?,
            function_environment: prelude.raw_get("function_environment")?,
            switch_loading: prelude.raw_get("loading")?,
            run: prelude.raw_get("run")?,
            run_with: prelude.raw_get("run_with")?,
            pace,
            tags: Tags::new(lua)?,
            loading,
            report,
            cjson,
            compiled: RefCell::default(),
            loaded: RefCell::default(),
        })
    }

    /// Carries out the task on the desk.
    pub(super) fn carry_out(&self) -> Outcome {
        let Some(task) = self.desk.task.take() else { return Outcome::Done };
        self.desk.protocol.set(Protocol::Resp2);
        self.cjson.reset();
        let outcome = match task {
            Task::Script(script) => self.script(&script),
            Task::Compile(script) => self.compiled(&script).map(|_| Outcome::Done),
            Task::Function(library, name) => self.function(&library, &name),
            Task::Library(library) => self.load(&library).map(Outcome::Registered),
        };
        let outcome = outcome.unwrap_or_else(Outcome::Failed);
        self.tidy();
        outcome
    }

    /// Makes the machine ready for the next task.
    fn tidy(&self) {
        if self.desk.stopped.get() {
            // Both need some memory of the machine, which a stopped script has let go.
            self.lua.remove_hook();
            drop(watch_usually(&self.lua, &self.desk, &self.pace));
        }
        if self.lua.used_memory() > COLLECT_FROM_BYTES {
            drop(self.globals.raw_set("KEYS", Value::Nil));
            drop(self.globals.raw_set("ARGV", Value::Nil));
            drop(self.lua.gc_collect());
        }
        self.desk.note_heap(self.lua.used_memory());
    }

    fn compiled(&self, script: &Script) -> Result<Function, Vec<u8>> {
        let mut compiled = self.compiled.borrow_mut();
        let generation = self.desk.generation.get();
        if compiled.0 != generation || compiled.1.len() >= COMPILED_MAX {
            *compiled = (generation, HashMap::new());
        }
        if let Some(function) = compiled.1.get(&script.digest) {
            return Ok(function.clone());
        }
        let function = compile(&self.lua, &self.script_environment, &script.code, "@user_script");
        let function =
            function.map_err(|text| [b"ERR Error compiling script (new function): ", &text[..]].concat())?;
        compiled.1.insert(script.digest, function.clone());
        Ok(function)
    }

    fn script(&self, script: &Script) -> Result<Outcome, Vec<u8>> {
        let function = self.compiled(script)?;
        let (keys, arguments) = self.arguments().map_err(|error| no_memory(&script.name, &error))?;
        let put = self
            .globals
            .raw_set("KEYS", keys)
            .and_then(|()| self.globals.raw_set("ARGV", arguments))
            .and_then(|()| self.run.call::<(bool, Value)>(&function));
        self.ended(&script.name, put)
    }

    fn function(&self, library: &Arc<Library>, name: &str) -> Result<Outcome, Vec<u8>> {
        let fresh = self
            .loaded
            .borrow()
            .get(&library.name)
            .is_none_or(|loaded| !Arc::ptr_eq(&loaded.library, library));
        if fresh {
            self.load(library)?;
        }
        let function = {
            let loaded = self.loaded.borrow();
            let functions = loaded.get(&library.name).into_iter().flat_map(|loaded| &loaded.functions);
            let mut named = functions.filter(|(known, _)| known.eq_ignore_ascii_case(name));
            named.next().map(|(_, function)| function.clone())
        };
        let function = function.ok_or_else(|| b"ERR Function not found".to_vec())?;
        let (keys, arguments) = self.arguments().map_err(|error| no_memory(name, &error))?;
        self.ended(name, self.run_with.call::<(bool, Value)>((function, keys, arguments)))
    }

    /// The words on the desk as the tables of keys and of arguments.
    fn arguments(&self) -> mlua::Result<(Table, Table)> {
        let words = self.desk.words.borrow();
        let (words, count) = (words.args(), self.desk.keys.get());
        let table = |from: usize, to: usize| {
            let table = self.lua.create_table_with_capacity(to.saturating_sub(from), 0)?;
            for (word, at) in words.iter().take(to).skip(from).zip(1..) {
                table.raw_seti(at, self.lua.create_string(word)?)?;
            }
            Ok::<_, mlua::Error>(table)
        };
        Ok((table(0, count)?, table(count, words.len())?))
    }

    /// Writes the reply of what ran under the name `name`, or says why it failed.
    fn ended(&self, name: &str, ran: mlua::Result<(bool, Value)>) -> Result<Outcome, Vec<u8>> {
        let report = self.report.take();
        let value = match ran {
            Ok((true, value)) => value,
            Ok((false, error)) => return Err(failed(name, report, &error)),
            Err(error) => return Err(no_memory(name, &error)),
        };
        let mut out = self.desk.reply.borrow_mut();
        out.clear();
        let (client, script) = (self.desk.client_protocol.get(), self.desk.protocol.get());
        let writer = Writer { tags: &self.tags, client, script };
        writer.write(&mut out, &value).map_err(|error| no_memory(name, &error))?;
        Ok(Outcome::Done)
    }

    /// Runs the code of a library and keeps its functions.
    fn load(&self, library: &Arc<Library>) -> Result<Vec<library::Function>, Vec<u8>> {
        let text = |text: &str, error: &[u8]| [b"ERR ", text.as_bytes(), error].concat();
        let function = compile(&self.lua, &self.function_environment, library.code(), "@user_function")
            .map_err(|error| text("Error compiling function: ", &error))?;
        *self.loading.registered.borrow_mut() = Some(Vec::new());
        let ran =
            self.switch_loading.call::<()>(true).and_then(|()| self.run.call::<(bool, Value)>(function));
        drop(self.switch_loading.call::<()>(false));
        let registered = self.loading.registered.take().unwrap_or_default();
        let report = self.report.take();
        match ran {
            Ok((true, _)) => {}
            Ok((false, error)) => {
                let error = report.map_or_else(|| to_vec(&error).unwrap_or_default(), |report| report.text);
                return Err(text("Error registering functions: ", &error));
            }
            Err(error) => return Err(text("Error registering functions: ", error.to_string().as_bytes())),
        }
        if registered.is_empty() {
            return Err(b"ERR No functions registered".to_vec());
        }
        let (known, functions): (Vec<_>, Vec<_>) = registered.into_iter().unzip();
        let functions = known.iter().map(|function| function.name.clone()).zip(functions).collect();
        let mut loaded = self.loaded.borrow_mut();
        if loaded.len() >= LOADED_MAX {
            loaded.clear();
        }
        loaded.insert(library.name.clone(), Loaded { library: Arc::clone(library), functions });
        Ok(known)
    }
}

/// The error reply of a script that failed.
fn failed(name: &str, report: Option<Report>, error: &Value) -> Vec<u8> {
    let Some(Report { mut text, place }) = report else {
        // The error handler itself failed, or there was no memory to call it.
        let text = to_vec(error).unwrap_or_else(|| b"execution failure".to_vec());
        let text = &text[..text.len().min(100)];
        return [format!("ERR Error running script {name}, ").as_bytes(), text].concat();
    };
    if let Some((source, line)) = place {
        text.extend_from_slice(format!(" script: {name}, on {source}:{line}.").as_bytes());
    }
    text
}

fn no_memory(name: &str, error: &mlua::Error) -> Vec<u8> {
    let text = match error {
        mlua::Error::MemoryError(_) => "not enough memory".to_owned(),
        other => other.to_string(),
    };
    format!("ERR Error running script {name}, {text}").into_bytes()
}

impl Loading {
    /// `redis.register_function(name, callback)` or with one table of named arguments.
    pub(super) fn register(&self, _: &Lua, args: &Variadic<Value>) -> mlua::Result<()> {
        let mut registered = self.registered.borrow_mut();
        let Some(registered) = registered.as_mut() else {
            return Err(table("redis.register_function can only be called on FUNCTION LOAD command"));
        };
        let (function, callback) = match &args[..] {
            [named] => named_arguments(named),
            [name, callback] => positional_arguments(name, callback),
            _ => Err("wrong number of arguments to redis.register_function"),
        }
        .map_err(table)?;
        if !shebang::is_name(function.name.as_bytes()) {
            return Err(table(shebang::BAD_NAME));
        }
        if registered.iter().any(|(known, _)| known.name == function.name) {
            return Err(table("Function already exists in the library"));
        }
        registered.push((function, callback));
        Ok(())
    }
}

fn name_of(value: &Value) -> Option<String> {
    to_vec(value).map(|name| String::from_utf8_lossy(&name).into_owned())
}

fn positional_arguments(
    name: &Value,
    callback: &Value,
) -> Result<(library::Function, Function), &'static str> {
    let name = name_of(name).ok_or("first argument to redis.register_function must be a string")?;
    let Value::Function(callback) = callback else {
        return Err("second argument to redis.register_function must be a function");
    };
    Ok((library::Function { name, description: None, flags: Flags::default() }, callback.clone()))
}

fn named_arguments(named: &Value) -> Result<(library::Function, Function), &'static str> {
    let Value::Table(named) = named else {
        return Err(
            "calling redis.register_function with a single argument is only applicable to Lua table \
             (representing named arguments).",
        );
    };
    let (mut name, mut description, mut callback, mut flags) = (None, None, None, Flags::default());
    for pair in named.pairs::<Value, Value>() {
        let (key, value) = pair.map_err(|_| "not enough memory")?;
        let key =
            name_of(&key).ok_or("named argument key given to redis.register_function is not a string")?;
        match (key.to_ascii_lowercase().as_str(), value) {
            ("function_name", value) => {
                let text = name_of(&value);
                name = Some(
                    text.ok_or("function_name argument given to redis.register_function must be a string")?,
                );
            }
            ("description", value) => {
                let text = to_vec(&value);
                description = Some(
                    text.ok_or("description argument given to redis.register_function must be a string")?,
                );
            }
            ("callback", Value::Function(function)) => callback = Some(function),
            ("callback", _) => {
                return Err("callback argument given to redis.register_function must be a function");
            }
            ("flags", Value::Table(list)) => flags = read_flags(&list).ok_or("unknown flag given")?,
            ("flags", _) => {
                return Err(
                    "flags argument to redis.register_function must be a table representing function flags",
                );
            }
            _ => return Err("unknown argument given to redis.register_function"),
        }
    }
    let name = name.ok_or("redis.register_function must get a function name argument")?;
    let callback = callback.ok_or("redis.register_function must get a callback argument")?;
    Ok((library::Function { name, description, flags }, callback))
}

fn read_flags(list: &Table) -> Option<Flags> {
    let mut flags = Flags::default();
    for at in 1.. {
        let value: Value = list.raw_get(at).ok()?;
        if value.is_nil() {
            break;
        }
        flags = flags.with(Flags::by_name(&to_vec(&value)?.to_ascii_lowercase())?);
    }
    Some(flags)
}
