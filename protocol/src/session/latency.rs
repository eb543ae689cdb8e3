//! `LATENCY`: events that took long, and how long commands take.

mod doctor;
mod graph;

use super::{Call, LatencyEvent, Outcome, Refusal};

/// A subcommand of `LATENCY`.
pub(super) fn execute(subcommand: &str, call: &mut Call<'_, '_>) -> Outcome {
    match subcommand {
        "latest" => latest(call),
        "history" => history(call),
        "reset" => {
            let names = call.args.from(2);
            let forgotten = call
                .context
                .observations()
                .map_or(0, |observations| observations.forget_latency_events(&mut names.iter()));
            call.reply.count(forgotten);
        }
        "graph" => graph(call),
        "doctor" => {
            let text = doctor::text(call.context.observations(), call.context.now().as_secs());
            call.reply.verbatim("txt", text.as_bytes());
        }
        "histogram" => histogram(call),
        _ => return Outcome::NotMine,
    }
    Outcome::Done
}

fn events(call: &Call<'_, '_>) -> Vec<LatencyEvent> {
    call.context.observations().map(super::Observations::latency_events).unwrap_or_default()
}

/// The event that the third argument names.
fn event(call: &Call<'_, '_>) -> Option<LatencyEvent> {
    events(call).into_iter().find(|event| event.name.as_bytes() == &call.args[2])
}

/// `LATENCY LATEST`: of each event its name, the time and length of its latest sample, and its longest.
fn latest(call: &mut Call<'_, '_>) {
    let events = events(call);
    call.reply.array(events.len());
    for event in events {
        let sample = event.samples.last().copied().unwrap_or_default();
        call.reply.array(4);
        call.reply.bulk(event.name.as_bytes());
        call.reply.int(sample.at_seconds.cast_signed());
        call.reply.int(sample.millis.into());
        call.reply.int(event.longest_millis.into());
    }
}

/// `LATENCY HISTORY event`.
fn history(call: &mut Call<'_, '_>) {
    let samples = event(call).map(|event| event.samples).unwrap_or_default();
    call.reply.array(samples.len());
    for sample in samples {
        call.reply.array(2);
        call.reply.int(sample.at_seconds.cast_signed());
        call.reply.int(sample.millis.into());
    }
}

/// `LATENCY GRAPH event`.
fn graph(call: &mut Call<'_, '_>) {
    match event(call) {
        Some(event) => {
            let text = graph::text(&event, call.context.now().as_secs());
            call.reply.verbatim("txt", text.as_bytes());
        }
        None => {
            Refusal::about("ERR No samples available for event '", &call.args[2], "'").answer(call.reply);
        }
    }
}

/// `LATENCY HISTOGRAM [command ...]`: a container stands for its subcommands.
fn histogram(call: &mut Call<'_, '_>) {
    let mut all = call.context.observations().map(super::Observations::latencies).unwrap_or_default();
    let names = call.args.from(2);
    if !names.is_empty() {
        all.retain(|command| {
            let container = command.name.split('|').next().unwrap_or_default();
            let is = |name: &[u8]| {
                name.eq_ignore_ascii_case(command.name.as_bytes())
                    || name.eq_ignore_ascii_case(container.as_bytes())
            };
            names.iter().any(is)
        });
    }
    let reply = &mut call.reply;
    reply.map(all.len());
    for command in all {
        reply.bulk(command.name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.int(command.calls.cast_signed());
        reply.bulk(b"histogram_usec");
        reply.map(command.counts.len());
        for (micros, calls) in command.counts {
            reply.int(micros.cast_signed());
            reply.int(calls.cast_signed());
        }
    }
}
