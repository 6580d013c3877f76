//! Files of a task's sandbox.

use super::{Operator, OperatorError, v1};
use tonic::Streaming;

/// What is wanted of a sandbox.
#[derive(Debug, Clone)]
pub struct FileWanted {
    /// Whose task.
    pub framework: String,
    /// Which.
    pub task: String,
    /// The agent that ran it, as its updates say; empty: the master knows.
    pub agent: String,
    /// The path in the task's sandbox; empty: the sandbox itself.
    pub path: String,
    /// Where reading starts, in bytes; negative: so many before the end.
    pub offset: i64,
}

/// What comes of a sandbox, piece by piece.
#[derive(Debug)]
pub struct Files {
    chunks: Streaming<v1::FileChunk>,
    operator: Operator,
}

impl Files {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// The file cannot be read, or the connection broke.
    pub async fn next(&mut self) -> Result<Option<v1::FileChunk>, OperatorError> {
        self.chunks.message().await.map_err(|status| self.operator.failure(&status))
    }
}

impl Operator {
    /// The entries of a directory.
    ///
    /// # Errors
    /// There is no such task or directory, or the call failed.
    pub async fn list_files(&mut self, wanted: &FileWanted) -> Result<Vec<v1::FileEntry>, OperatorError> {
        let mut files = self.files(wanted, v1::FileAction::List).await?;
        let mut entries = Vec::new();
        while let Some(chunk) = files.next().await? {
            entries.extend(chunk.entries);
        }
        Ok(entries)
    }

    /// Reads a file to its present end.
    ///
    /// # Errors
    /// There is no such task or file, or the call failed.
    pub async fn read_file(&mut self, wanted: &FileWanted) -> Result<Files, OperatorError> {
        self.files(wanted, v1::FileAction::Read).await
    }

    /// Reads a file and what is appended to it until its task is over.
    ///
    /// # Errors
    /// There is no such task or file, or the call failed.
    pub async fn follow_file(&mut self, wanted: &FileWanted) -> Result<Files, OperatorError> {
        self.files(wanted, v1::FileAction::Follow).await
    }

    async fn files(&mut self, wanted: &FileWanted, action: v1::FileAction) -> Result<Files, OperatorError> {
        let request = v1::FileRequest {
            framework_id: wanted.framework.clone(),
            task_id: wanted.task.clone(),
            path: wanted.path.clone(),
            action: action.into(),
            offset: wanted.offset,
            length: 0,
            agent_id: wanted.agent.clone(),
        };
        let chunks = self
            .ask(|mut client| {
                let request = request.clone();
                async move { client.read_files(request).await }
            })
            .await?;
        Ok(Files { chunks, operator: self.clone() })
    }
}
