//! What is more than one command of the grammar: transactions, scripts, and commands that wait.
//!
//! Their keys share a slot, so that a proxy takes them as a node does.

use crate::grammar::{Grammar, Words};

/// Commands of a transaction, at most.
const QUEUED_MAX: u32 = 5;

/// How long a command waits where nothing is there: longer than not at all, and no more.
const TIMEOUT_SECONDS: &str = "0.001";

/// Scripts with two keys and two arguments. What they return is the same in every order of a hash.
const SCRIPTS: [&str; 9] = [
    "return redis.call('incr', KEYS[1])",
    "return redis.pcall('lpush', KEYS[1], ARGV[1], ARGV[2])",
    "local v = redis.pcall('get', KEYS[1]) if type(v) == 'string' then return v end \
     return redis.pcall('set', KEYS[2], ARGV[1])",
    "redis.call('set', KEYS[1], ARGV[1]) return redis.call('rename', KEYS[1], KEYS[2])",
    "redis.call('hset', KEYS[1], 'a', ARGV[1], 'b', ARGV[2]) return redis.call('hlen', KEYS[1])",
    "redis.call('zadd', KEYS[1], 1, ARGV[1], 2, ARGV[2]) return redis.call('zrange', KEYS[1], 0, -1, 'withscores')",
    "return {1, 2.9, 'x', false, true, {redis.pcall('type', KEYS[1]), redis.pcall('strlen', KEYS[2])}, nil, 7}",
    "return {cjson.encode({ARGV[1], tonumber(ARGV[2])}), cmsgpack.pack(ARGV[2]), #struct.pack('>I4s', 7, ARGV[1])}",
    "redis.setresp(3) return {double = redis.call('exists', KEYS[1]) / 2, ok = ARGV[1]}",
];

/// Any command, called by a script.
const CALLS: [&str; 2] = ["return redis.pcall(unpack(ARGV))", "return redis.call(unpack(ARGV))"];

/// Commands that take more arguments here, as Redis 7.2 does, than in Redis 7.0: scripts
/// and transactions count them by the table.
const GROWN: [&str; 2] = ["zrank", "zrevrank"];

/// A command with the name by which its replies are compared.
pub type Named = (&'static str, Words);

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// MULTI, some commands, and EXEC or, now and then, DISCARD.
pub fn transaction(grammar: &mut Grammar) -> Vec<Named> {
    let queued = grammar.below(QUEUED_MAX) + 1;
    let mut all = vec![("multi", words(&["MULTI"]))];
    all.extend((0..queued).map(|_| member(grammar)));
    let discards = grammar.below(8) == 0;
    all.push(if discards { ("discard", words(&["DISCARD"])) } else { ("exec", words(&["EXEC"])) });
    all
}

/// A command within a transaction or a script, where the table's own arity is told.
fn member(grammar: &mut Grammar) -> Named {
    loop {
        let (spec, words) = grammar.tagged();
        if !GROWN.contains(&spec.name) {
            return (spec.name, words);
        }
    }
}

/// EVAL of a script of the list, or of one that calls a command of the grammar.
pub fn script(grammar: &mut Grammar) -> Named {
    let which = grammar.below(12) as usize;
    let mut eval = words(&["EVAL"]);
    if let Some(script) = SCRIPTS.get(which) {
        eval.extend(words(&[script, "2"]));
        eval.extend([grammar.tagged_key(), grammar.tagged_key(), grammar.string(), grammar.string()]);
        return ("eval", eval);
    }
    let (name, called) = member(grammar);
    eval.extend(words(&[CALLS[which % CALLS.len()], "1"]));
    eval.push(grammar.tagged_key());
    eval.extend(called);
    (name, eval)
}

/// A command that waits for a moment if there is nothing.
pub fn wait(grammar: &mut Grammar) -> Named {
    let (one, two) = (grammar.tagged_key(), grammar.tagged_key());
    let (one, two) = (String::from_utf8_lossy(&one), String::from_utf8_lossy(&two));
    let timeout = TIMEOUT_SECONDS;
    let wait = match grammar.below(8) {
        0 => words(&["BLPOP", &one, &two, timeout]),
        1 => words(&["BRPOP", &one, timeout]),
        2 => words(&["BLMOVE", &one, &two, "LEFT", "RIGHT", timeout]),
        3 => words(&["BRPOPLPUSH", &one, &two, timeout]),
        4 => words(&["BLMPOP", timeout, "2", &one, &two, "RIGHT", "COUNT", "2"]),
        5 => words(&["BZPOPMIN", &one, &two, timeout]),
        6 => words(&["BZPOPMAX", &one, "x"]),
        _ => words(&["BZMPOP", timeout, "2", &one, &two, "MAX", "COUNT", "2"]),
    };
    ("wait", wait)
}

#[cfg(test)]
mod tests {
    use ringmaster_protocol::command::{Flags, all};
    use ringmaster_protocol::slot::HashSlot;

    use super::*;

    #[test]
    fn a_transaction_ends_and_stays_in_one_slot() {
        let specs = all().iter().filter(|spec| spec.flags.contains(Flags::WRITE)).collect();
        let mut grammar = Grammar::new(1, specs);
        for _ in 0..200 {
            let all = transaction(&mut grammar);
            assert!(all[0].0 == "multi" && matches!(all[all.len() - 1].0, "exec" | "discard"));
            assert!(all.len() <= QUEUED_MAX as usize + 2);
        }
        assert_eq!(HashSlot::of(&grammar.tagged_key()), HashSlot::of(b"{t}"));
    }
}
