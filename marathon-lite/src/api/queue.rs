//! `/v2/queue`: what waits to be launched, and why.

use super::{
    Term,
    call::{Answered, Call, ok},
    errors::Failure,
    path::path_id,
};
use crate::clock;
use axum::{http::StatusCode, response::IntoResponse};
use marathon_lite_core::{
    launch::{QueueItem, RejectCount, RejectReason, RunSpec, UnusedOffer},
    scheduler::Command,
};
use proto_types::{
    Attribute, Offer,
    attributes::AttributeValue,
    resources::{Ranges, Value as Amount},
};
use serde_json::{Map, Value, json};

/// Answers a request below `/v2/queue`.
pub(crate) async fn answer(term: &Term, call: &Call) -> Answered {
    match (call.method.as_str(), &call.parts()[2..]) {
        ("GET", []) => {
            let offers = call.query.all("embed").any(|name| name == "lastUnusedOffers");
            let view = term.view();
            let items: Vec<Value> = view.queue.values().map(|item| render(item, offers)).collect();
            ok(&json!({"queue": items}))
        }
        (_, []) => Err(Failure::method("GET, HEAD")),
        ("DELETE", [app @ .., "delay"]) => {
            let id = path_id(app)?;
            if !term.view().queue.contains_key(&id) {
                return Err(Failure::not_found(format!("Application {id} not found in tasks queue.")));
            }
            term.ask(Command::ResetDelay(id), None).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        (_, [.., "delay"]) => Err(Failure::method("DELETE")),
        _ => Err(Failure::no_such_address()),
    }
}

fn render(item: &QueueItem, offers: bool) -> Value {
    let mut summary = Map::new();
    summary.insert("processedOffersCount".into(), item.processed.into());
    summary.insert("unusedOffersCount".into(), item.unused.into());
    for (name, time) in [("lastUnusedOfferAt", item.last_unused_at), ("lastUsedOfferAt", item.last_used_at)] {
        if let Some(time) = time {
            summary.insert(name.into(), time.to_string().into());
        }
    }
    summary.insert("rejectSummaryLastOffers".into(), counts(&item.rejects_of_last_offers()));
    summary.insert("rejectSummaryLaunchAttempt".into(), counts(&item.rejects_since_launch()));
    let mut out = Map::new();
    match &item.spec {
        RunSpec::App(app) => out.insert("app".into(), app.render().into()),
        RunSpec::Pod(pod) => out.insert("pod".into(), pod.render().into()),
    };
    let delay = item.delay(clock::timestamp());
    let seconds = u64::try_from(delay.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
    out.insert("count".into(), item.count.into());
    out.insert("delay".into(), json!({"timeLeftSeconds": seconds, "overdue": delay.is_zero()}));
    out.insert("since".into(), item.since.to_string().into());
    out.insert("processedOffersSummary".into(), summary.into());
    if offers {
        out.insert("lastUnusedOffers".into(), item.last_unused_offers.values().map(|one| unused(one, item)).collect());
    }
    Value::Object(out)
}

fn counts(counts: &[RejectCount]) -> Value {
    let count = |count: &RejectCount| json!({"reason": count.reason.name(), "declined": count.declined, "processed": count.processed});
    counts.iter().map(count).collect()
}

/// An offer, and why it was of no use; in words too, which Marathon does not have.
fn unused(unused: &UnusedOffer, item: &QueueItem) -> Value {
    json!({
        "offer": offer(&unused.offer),
        "reason": unused.reasons().into_iter().map(RejectReason::name).collect::<Vec<_>>(),
        "details": unused.details(&item.spec),
        "timestamp": unused.timestamp.to_string(),
    })
}

fn offer(offer: &Offer) -> Value {
    let resource = |resource: &proto_types::Resource| {
        let role = resource.kind.reservation.as_ref().map_or("*", |reservation| reservation.role.as_str());
        let mut out = Map::new();
        out.insert("name".into(), resource.kind.name.as_str().into());
        out.insert("role".into(), role.into());
        match &resource.value {
            Amount::Scalar(scalar) => out.insert("scalar".into(), scalar.as_f64().into()),
            Amount::Ranges(parts) => out.insert("ranges".into(), ranges(parts)),
            Amount::Set(items) => out.insert("set".into(), items.iter().map(|item| json!(&**item)).collect()),
        };
        Value::Object(out)
    };
    json!({
        "id": offer.id.as_str(),
        "hostname": offer.agent_info.hostname,
        "agentId": offer.agent.as_str(),
        "resources": offer.resources.iter().map(resource).collect::<Vec<_>>(),
        "attributes": offer.agent_info.attributes.0.iter().map(attribute).collect::<Vec<_>>(),
    })
}

fn attribute(attribute: &Attribute) -> Value {
    match &attribute.value {
        AttributeValue::Scalar(scalar) => json!({"name": attribute.name, "scalar": scalar.as_f64()}),
        AttributeValue::Ranges(parts) => json!({"name": attribute.name, "ranges": ranges(parts)}),
        AttributeValue::Text(text) => json!({"name": attribute.name, "text": text}),
    }
}

fn ranges(ranges: &Ranges) -> Value {
    ranges.iter().map(|(begin, end)| json!({"begin": begin, "end": end})).collect()
}
