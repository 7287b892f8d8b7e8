//! A connection whose other side must take what is written to it. Whoever asks and does not read would otherwise hold
//! the connection, and what waits to be written, for as long as they like.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A stream that fails when nothing of what waits to be written has been taken for a time.
pub(crate) struct Patience<S> {
    stream: S,
    limit: Duration,
    /// Runs while something waits.
    over: Option<Pin<Box<Sleep>>>,
}

impl Patience<TcpStream> {
    /// Of a connection; a machine on the other side that is gone, and takes things only in appearance, is noticed, too.
    pub(crate) fn new(stream: TcpStream, limit: Duration) -> Self {
        #[cfg(target_os = "linux")]
        {
            let limit = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
            // RFC 5482 §3: how long sent data may go unacknowledged. A system that cannot do it gives up by itself,
            // but after a quarter of an hour.
            if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&stream, limit) {
                tracing::debug!(%error, "a connection has no time-out of its own");
            }
        }
        Self {
            stream,
            limit,
            over: None,
        }
    }
}

impl<S: Unpin> Patience<S> {
    fn bear<T>(
        &mut self,
        result: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.over = None;
            return result;
        }
        let limit = self.limit;
        let over = self.over.get_or_insert_with(|| Box::pin(sleep(limit)));
        match over.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bear(result, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.bear(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is held back here: what `poll_write` took has gone to the system.
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn what_is_taken_slowly_is_taken_and_what_is_not_taken_fails() {
        let (stream, mut other) = duplex(4);
        let mut patience = Patience {
            stream,
            limit: LIMIT,
            over: None,
        };
        // All of it takes several times the limit, each part less.
        let (written, ()) = tokio::join!(patience.write_all(&[7; 40]), async {
            for _ in 0..9 {
                sleep(LIMIT / 3).await;
                other.read_exact(&mut [0; 4]).await.unwrap();
            }
        });
        written.unwrap();
        let failed = timeout(20 * LIMIT, patience.write_all(&[7; 4])).await;
        let failed = failed.unwrap().unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    }
}
