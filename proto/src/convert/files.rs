//! Files of a sandbox that somebody wants to see.

use super::{
    Invalid,
    at::{At, required},
    readable,
    text::{filled, sandbox_path, task_key},
};
use crate::v1;
use proto_types::files::{FileAction, FileRequest, OpenData};

readable! {
    v1::FileRequest => FileRequest: file_request;
    v1::OpenData => OpenData: open_data;
}

pub(crate) fn open_data(wire: v1::OpenData, at: &At<'_>) -> Result<OpenData, Invalid> {
    let request = required(wire.request, &at.field("request"))?;
    Ok(OpenData {
        token: filled(wire.token, &at.field("token"))?,
        request: file_request(request, &at.field("request"))?,
    })
}

fn file_request(wire: v1::FileRequest, at: &At<'_>) -> Result<FileRequest, Invalid> {
    let action = match v1::FileAction::try_from(wire.action) {
        Ok(v1::FileAction::List) => FileAction::List,
        Ok(v1::FileAction::Read) => FileAction::Read,
        Ok(v1::FileAction::Follow) => FileAction::Follow,
        Ok(v1::FileAction::Unspecified) | Err(_) => {
            return Err(at.field("action").invalid("must be list, read or follow"));
        }
    };
    Ok(FileRequest {
        key: task_key(&wire.framework_id, &wire.task_id, at)?,
        path: sandbox_path(wire.path, &at.field("path"))?,
        action,
        offset: wire.offset,
        length: (wire.length > 0).then_some(wire.length),
    })
}

impl From<FileAction> for v1::FileAction {
    fn from(action: FileAction) -> Self {
        match action {
            FileAction::List => Self::List,
            FileAction::Read => Self::Read,
            FileAction::Follow => Self::Follow,
        }
    }
}

impl From<FileRequest> for v1::FileRequest {
    fn from(request: FileRequest) -> Self {
        Self {
            framework_id: request.key.framework.to_string(),
            task_id: request.key.task.to_string(),
            path: request.path,
            action: v1::FileAction::from(request.action).into(),
            offset: request.offset,
            length: request.length.unwrap_or(0),
            agent_id: String::new(),
        }
    }
}

impl From<OpenData> for v1::OpenData {
    fn from(open: OpenData) -> Self {
        Self { token: open.token, request: Some(open.request.into()) }
    }
}
