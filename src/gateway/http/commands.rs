//! Commands: one, or an array with an answer each.

use axum::extract;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use spireledger_schema::json::Malformed;
use spireledger_schema::{Answer, Command, Refusal};

use super::State;
use super::caller::Caller;
use super::problem::{Problem, status_of};
use crate::rules;

/// `POST /v1/commands`.
pub async fn post(
    extract::State(state): extract::State<State>,
    caller: Caller,
) -> Result<Response, Problem> {
    let text = std::str::from_utf8(&caller.body)
        .map_err(|error| Problem::bad_request(format!("the body is no UTF-8: {error}")))?;
    if !text.trim_start().starts_with('[') {
        let answer = one(&state, &caller, text).await?;
        state.metrics.answered(&answer);
        return Ok(match &answer {
            Answer::Accepted(_) => json(StatusCode::CREATED, &answer),
            Answer::Replayed(_) => json(StatusCode::OK, &answer),
            Answer::Refused(refusal) => Problem::refused(refusal).into_response(),
        });
    }
    let lines: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| Problem::bad_request(format!("the body is no JSON array: {error}")))?;
    if lines.len() > state.config.commands_max {
        let most = state.config.commands_max;
        return Err(Problem::bad_request(format!("an array has at most {most} commands")));
    }
    let parsed: Vec<Result<Command, Malformed>> =
        lines.iter().map(|line| Command::parse(line.get())).collect();
    let requests = parsed.iter().filter_map(|parsed| parsed.as_ref().ok());
    let requests = requests.map(|command| request_of(&caller, command.clone())).collect();
    let mut answered = state.desk.ask(requests).await?.into_iter();
    let answers = parsed.into_iter().map(|parsed| match parsed {
        Err(malformed) => Some(Answer::from(Refusal::from(malformed))),
        Ok(_) => answered.next(),
    });
    let answers: Option<Vec<Answer>> = answers.collect();
    let answers = answers.ok_or_else(|| Problem::broken(&"the writer gave too few answers"))?;
    for answer in &answers {
        state.metrics.answered(answer);
    }
    Ok(json(StatusCode::OK, &answers))
}

async fn one(state: &State, caller: &Caller, text: &str) -> Result<Answer, Problem> {
    let command = match Command::parse(text) {
        Ok(command) => command,
        Err(malformed) => return Ok(Refusal::from(malformed).into()),
    };
    let mut answers = state.desk.ask(vec![request_of(caller, command)]).await?;
    answers.pop().ok_or_else(|| Problem::broken(&"the writer gave no answer"))
}

fn request_of(caller: &Caller, command: Command) -> rules::Request {
    rules::Request {
        command,
        actor: caller.actor.clone(),
        user: caller.user.clone(),
        evidence: Some(caller.evidence.clone()),
    }
}

fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => Problem::broken(&error).into_response(),
    }
}

/// The statuses that an answer to one command can have, for the description.
pub fn statuses() -> Vec<StatusCode> {
    let mut all: Vec<StatusCode> =
        spireledger_schema::Code::ALL.iter().map(|code| status_of(*code)).collect();
    all.extend([StatusCode::CREATED, StatusCode::OK]);
    all.sort();
    all.dedup();
    all
}
