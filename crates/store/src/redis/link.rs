//! The connection: one that all verbs share, or one to each member of a cluster.

use redis::aio::{ConnectionLike, ConnectionManager};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, FromRedisValue, Pipeline, RedisFuture, ScriptInvocation, Value};

use super::failure::Failure;

#[derive(Clone)]
pub(super) enum Link {
    Server(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Link {
    /// One command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        Ok(command.query_async(&mut self.clone()).await?)
    }

    /// One command that may be given twice. If the connection turns out to be lost, on a new one: so a server that is
    /// back is used with the first verb, each of which begins with such a command.
    pub(super) async fn ask_again<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        match self.ask(command).await {
            Err(Failure::Redis(error)) if error.is_io_error() && !error.is_timeout() => {
                self.ask(command).await
            }
            answer => answer,
        }
    }

    /// The same for a script.
    pub(super) async fn run_again<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Failure> {
        match self.run(script).await {
            Err(Failure::Redis(error)) if error.is_io_error() && !error.is_timeout() => {
                self.run(script).await
            }
            answer => answer,
        }
    }

    /// One script: by its name, or with its text if this server has not seen it yet.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Failure> {
        Ok(script.invoke_async(&mut self.clone()).await?)
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(server) => server.req_packed_command(cmd),
            Self::Cluster(cluster) => cluster.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(server) => server.req_packed_commands(pipeline, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(server) => server.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}
