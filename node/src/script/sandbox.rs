//! The inside of a virtual machine: what scripts find there, and how they are interrupted.

use std::rc::Rc;

use mlua::{
    Function, HookTriggers, Lua, LuaOptions, LuaString, MultiValue, Scope, StdLib, Table, Value, VmState,
};

use super::desk::Desk;
use super::failure::{self, OWN_SOURCE, Raised};
use super::pace::Pace;
use super::random::Random;
use super::redis;
use super::runner::{Loading, Runner};
use super::text::to_number;
use super::vm::{Answer, Event, MEMORY_BYTES_MAX, Way};
use super::{bit, cjson, cmsgpack, number, pattern, structure};

const PRELUDE: &str = include_str!("prelude.lua");

/// Instructions between two looks at the clock: some tens of microseconds.
const LOOK_INSTRUCTIONS: u32 = 4096;

/// Most results of `unpack`: what the stack of a call takes.
const UNPACKED_MAX: i64 = 7_990;

/// What a script that must end is told.
pub(crate) const STOPPED: &str = "ERR Script killed by user with SCRIPT KILL...";

/// What ends a script that must end.
pub(super) fn stop() -> mlua::Error {
    mlua::Error::external(Raised::Table(STOPPED.as_bytes().to_vec(), false))
}

/// The life of a machine: it waits for tasks and runs them until it is told to quit.
///
/// # Panics
/// If there is no memory for an empty machine.
pub(super) fn live(way: &Way, desk: &Rc<Desk>) {
    let lua = Lua::new_with(StdLib::STRING | StdLib::TABLE | StdLib::MATH, LuaOptions::default())
        .expect("memory for an empty virtual machine");
    let lived = lua.scope(|scope| {
        let runner = furnish(&lua, scope, way, desk)?;
        while way.suspend(Event::Ready) != Answer::Quit {
            let outcome = runner.carry_out();
            *desk.outcome.borrow_mut() = Some(outcome);
        }
        Ok(())
    });
    lived.expect("memory for an empty virtual machine");
}

/// Puts everything into an empty machine.
fn furnish<'scope, 'env: 'scope>(
    lua: &Lua,
    scope: &'scope Scope<'scope, 'env>,
    way: &'env Way,
    desk: &'env Rc<Desk>,
) -> mlua::Result<Runner> {
    let tick = scope.create_function(move |_, ()| {
        if way.suspend(Event::Tick) == Answer::Stop {
            desk.stopped.set(true);
        }
        Ok(())
    })?;
    let pace = Rc::new(Pace::new(tick, Rc::clone(desk)));
    let loading = Rc::new(Loading::default());
    let node = lua.create_table()?;
    let report = Rc::new(std::cell::RefCell::default());
    let kept = Rc::clone(&report);
    let handler = lua.create_function(move |lua, error: Value| {
        *kept.borrow_mut() = Some(failure::report(lua, error)?);
        Ok(())
    })?;
    node.raw_set("handler", handler)?;
    node.raw_set("plain", lua.create_function(failure::plain)?)?;
    node.raw_set("readonly", lua.create_function(readonly)?)?;
    node.raw_set("missing", lua.create_function(missing)?)?;
    node.raw_set("string", pattern::functions(lua, &pace)?)?;
    node.raw_set("math", random_functions(lua, desk)?)?;
    let globals = lua.create_table()?;
    let cjson = Rc::new(cjson::Cjson::new(&pace));
    globals.raw_set("cjson", cjson::table(lua, &cjson)?)?;
    globals.raw_set("cmsgpack", cmsgpack::table(lua, &pace)?)?;
    globals.raw_set("struct", structure::table(lua)?)?;
    globals.raw_set("bit", bit::table(lua)?)?;
    globals.raw_set("unpack", lua.create_function(|lua, args: MultiValue| unpack(lua, &args))?)?;
    node.raw_set("globals", &globals)?;
    let tables = redis::tables(lua, scope, (way, desk), &loading)?;
    node.raw_set("redis", tables.scripts)?;
    node.raw_set("redis_of_functions", tables.functions)?;
    node.raw_set("redis_of_libraries", tables.libraries)?;
    let prelude: Table = lua.load(PRELUDE).set_name(OWN_SOURCE).call(&node)?;
    let environments =
        [prelude.raw_get::<Table>("eval_environment")?, prelude.raw_get("function_environment")?];
    loaders(lua, &prelude, &environments)?;
    let runner = Runner::new(lua, desk, &prelude, (loading, report, cjson), pace)?;
    lua.set_memory_limit(MEMORY_BYTES_MAX)?;
    Ok(runner)
}

/// `load` and `loadstring`, which take texts only, and `collectgarbage`, which changes nothing for the next script.
fn loaders(lua: &Lua, prelude: &Table, environments: &[Table; 2]) -> mlua::Result<()> {
    let eval: Table = prelude.raw_get("eval")?;
    let functions: Table = prelude.raw_get("functions")?;
    for (globals, environment) in [&eval, &functions].into_iter().zip(environments) {
        let own = environment.clone();
        let loadstring = lua.create_function(move |lua, args: MultiValue| load_text(lua, &own, &args))?;
        globals.raw_set("loadstring", loadstring)?;
        let own = environment.clone();
        let load = lua.create_function(move |lua, args: MultiValue| load_pieces(lua, &own, &args))?;
        globals.raw_set("load", load)?;
        globals.raw_set("collectgarbage", lua.create_function(collect_garbage)?)?;
        globals.raw_set("gcinfo", lua.create_function(|lua, ()| Ok(lua.used_memory() / 1024))?)?;
    }
    Ok(())
}

/// Compiles a text. The collector rests meanwhile: Lua 5.1 keeps the name of a text by nothing while it parses.
pub(super) fn compile(lua: &Lua, environment: &Table, text: &[u8], name: &str) -> Result<Function, Vec<u8>> {
    // What begins like bytecode is read as a text all the same, and is none.
    let disguised = if text.first() == Some(&0x1b) { [b" ", text].concat() } else { Vec::new() };
    let text = if disguised.is_empty() { text } else { &disguised };
    lua.gc_stop();
    let compiled = lua.load(text).set_name(name).set_environment(environment.clone()).into_function();
    lua.gc_restart();
    compiled.map_err(|error| match error {
        mlua::Error::SyntaxError { message, .. } => message.into_bytes(),
        mlua::Error::MemoryError(_) => b"not enough memory".to_vec(),
        other => other.to_string().into_bytes(),
    })
}

fn load_text(lua: &Lua, environment: &Table, args: &MultiValue) -> mlua::Result<MultiValue> {
    let text = args.front().and_then(super::text::to_vec);
    let Some(text) = text else {
        return Err(failure::wrong_type(lua, 1, "loadstring", "string", args.front()));
    };
    let name = args.get(1).and_then(super::text::to_vec).unwrap_or_else(|| text.clone());
    loaded(lua, compile(lua, environment, &text, &String::from_utf8_lossy(&name)))
}

fn load_pieces(lua: &Lua, environment: &Table, args: &MultiValue) -> mlua::Result<MultiValue> {
    let Some(Value::Function(pieces)) = args.front() else {
        return Err(failure::wrong_type(lua, 1, "load", "function", args.front()));
    };
    let mut text = Vec::new();
    loop {
        match pieces.call::<Option<LuaString>>(())? {
            Some(piece) if !piece.as_bytes().is_empty() => text.extend_from_slice(&piece.as_bytes()),
            _ => break,
        }
        if text.len() > MEMORY_BYTES_MAX {
            return Err(failure::text(lua, "not enough memory"));
        }
    }
    let name = args.get(1).and_then(super::text::to_vec);
    let name = name.map_or_else(|| "=(load)".into(), |name| String::from_utf8_lossy(&name).into_owned());
    loaded(lua, compile(lua, environment, &text, &name))
}

fn loaded(lua: &Lua, compiled: Result<Function, Vec<u8>>) -> mlua::Result<MultiValue> {
    Ok(match compiled {
        Ok(function) => MultiValue::from_iter([Value::Function(function)]),
        Err(text) => MultiValue::from_iter([Value::Nil, Value::String(lua.create_string(text)?)]),
    })
}

fn collect_garbage(lua: &Lua, what: Option<LuaString>) -> mlua::Result<f64> {
    match what.map(|what| what.to_string_lossy()).as_deref() {
        Some("count") => {
            #[expect(clippy::cast_precision_loss, reason = "bytes of memory")]
            let kilobytes = lua.used_memory() as f64 / 1024.0;
            Ok(kilobytes)
        }
        Some("collect") | None => lua.gc_collect().map(|()| 0.0),
        Some("step") => lua.gc_step().map(|done| f64::from(u8::from(done))),
        Some("stop" | "restart" | "setpause" | "setstepmul") => Ok(0.0),
        Some(other) => Err(failure::argument(lua, 1, "collectgarbage", format!("invalid option '{other}'"))),
    }
}

/// `unpack(list [, from [, to]])`. The one in C counts with an int, which overflows.
fn unpack(lua: &Lua, args: &MultiValue) -> mlua::Result<MultiValue> {
    let Some(Value::Table(list)) = args.front() else {
        return Err(failure::wrong_type(lua, 1, "unpack", "table", args.front()));
    };
    let bound = |at: usize, default: i32| match args.get(at) {
        None | Some(Value::Nil) => Ok(default),
        Some(_) => integer(lua, args, at, "unpack"),
    };
    let from = i64::from(bound(1, 1)?);
    let to = i64::from(bound(2, i32::try_from(list.raw_len()).unwrap_or(i32::MAX))?);
    if to - from >= UNPACKED_MAX {
        return Err(failure::text(lua, "too many results to unpack"));
    }
    (from..=to).map(|at| list.raw_get(at)).collect()
}

fn readonly(lua: &Lua, _: MultiValue) -> mlua::Result<()> {
    Err(failure::text(lua, "Attempt to modify a readonly table"))
}

fn missing(lua: &Lua, (_, name): (Value, Value)) -> mlua::Result<()> {
    let Some(name) = super::text::to_vec(&name) else {
        return Err(failure::text(
            lua,
            "Second argument to luaProtectedTableError must be a string or number",
        ));
    };
    let name = String::from_utf8_lossy(&name).into_owned();
    Err(failure::text(lua, format!("Script attempted to access nonexistent global variable '{name}'")))
}

/// `math.random` and `math.randomseed`, the same numbers on every machine.
fn random_functions(lua: &Lua, desk: &Rc<Desk>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let own = Rc::clone(desk);
    let draw = move |lua: &Lua, args: MultiValue| {
        let fraction = own.random.borrow_mut().fraction();
        let (low, high) = match args.len() {
            0 => return Ok(fraction),
            1 => (1, integer(lua, &args, 0, "random")?),
            2 => (integer(lua, &args, 0, "random")?, integer(lua, &args, 1, "random")?),
            _ => return Err(failure::text(lua, "wrong number of arguments")),
        };
        if low > high {
            return Err(failure::argument(lua, args.len(), "random", "interval is empty"));
        }
        let count = f64::from(high.wrapping_sub(low).wrapping_add(1));
        Ok((fraction * count).floor() + f64::from(low))
    };
    table.raw_set("random", lua.create_function(draw)?)?;
    let own = Rc::clone(desk);
    let seed = move |lua: &Lua, args: MultiValue| {
        *own.random.borrow_mut() = Random::new(integer(lua, &args, 0, "randomseed")?);
        Ok(())
    };
    table.raw_set("randomseed", lua.create_function(seed)?)?;
    Ok(table)
}

/// Argument `at` (from 0) as C's `int`.
fn integer(lua: &Lua, args: &MultiValue, at: usize, function: &str) -> mlua::Result<i32> {
    let number = args.get(at).and_then(to_number);
    let number = number.ok_or_else(|| failure::wrong_type(lua, at + 1, function, "number", args.get(at)))?;
    #[expect(clippy::cast_possible_truncation, reason = "as C casts it")]
    let integer = number::to_integer(number) as i32;
    Ok(integer)
}

/// Looks at the clock now and then, and ends what must end. An error in the hook is caught by a script's own
/// `pcall`; from then on it comes at every instruction, so that nothing can go on.
fn watch(lua: &Lua, desk: &Rc<Desk>, pace: &Rc<Pace>, every: u32) -> mlua::Result<()> {
    let (own, pace) = (Rc::clone(desk), Rc::clone(pace));
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(every), move |lua, _| {
        let looked = pace.look();
        if own.stopped.get() && every > 1 {
            watch(lua, &own, &pace, 1)?;
        }
        looked.map(|()| VmState::Continue)
    })
}

/// As [`watch`], as often as is usual.
pub(super) fn watch_usually(lua: &Lua, desk: &Rc<Desk>, pace: &Rc<Pace>) -> mlua::Result<()> {
    watch(lua, desk, pace, LOOK_INSTRUCTIONS)
}
