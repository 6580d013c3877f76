//! `proffer why`.

use crate::{master_option::MasterOption, output};
use anyhow::Result;
use clap::Args;
use proffer_framework::{
    Explanation, Refusal,
    operator::{Operator, OperatorError},
};
use std::process::ExitCode;

/// What `why` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    master: MasterOption,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// A framework's id or name, a task's id (or framework/id), or a role.
    subject: String,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let mut operator = options.master.operator();
    let explanation = explain(&mut operator, &options.subject).await?;
    if options.json {
        output::Output::new(true).value(&json(&explanation))?;
    } else {
        output::text(&describe(&explanation))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks about whatever has this name: a framework, a task or a role, in this order.
async fn explain(operator: &mut Operator, subject: &str) -> Result<Explanation> {
    let frameworks = operator.frameworks().await?;
    let named = frameworks
        .iter()
        .find(|framework| framework.id == subject || framework.info.as_ref().is_some_and(|info| info.name == subject));
    if let Some(framework) = named {
        return Ok(operator.explain_framework(&framework.id).await?);
    }
    match operator.explain_task(subject).await {
        Err(OperatorError::Refused(Refusal::NotFound(_) | Refusal::Invalid { .. })) => {}
        answer => return Ok(answer?),
    }
    match operator.explain_role(subject).await {
        Err(OperatorError::Refused(Refusal::NotFound(_) | Refusal::Invalid { .. })) => {
            anyhow::bail!("there is no framework, task or role {subject}")
        }
        answer => Ok(answer?),
    }
}

/// The explanation for people.
pub(crate) fn describe(explanation: &Explanation) -> String {
    let mut text = explanation.summary.clone();
    // A summary often holds the weightiest reasons word by word.
    for reason in explanation.reasons.iter().filter(|reason| !explanation.summary.contains(&reason.message)) {
        text.push_str("\n  ");
        text.push_str(&reason.message);
    }
    text
}

fn json(explanation: &Explanation) -> serde_json::Value {
    let reasons: Vec<_> = explanation
        .reasons
        .iter()
        .map(|reason| serde_json::json!({ "code": reason.code, "message": reason.message, "agents": reason.agents }))
        .collect();
    serde_json::json!({ "summary": explanation.summary, "reasons": reasons })
}
