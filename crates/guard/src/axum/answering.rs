//! What becomes of a request: with a good token the service's own future, and no box around it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;

use super::rate::Left;

pin_project! {
    /// The answer of a [`Protected`](super::Protected) service.
    #[project = Projected]
    pub enum Answering<F, E> {
        Served {
            #[pin]
            future: F,
            left: Option<Left>,
        },
        Apart {
            future: Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>,
        },
    }
}

impl<F, E> Answering<F, E> {
    /// The service is answering.
    pub fn served(future: F, left: Option<Left>) -> Self {
        Self::Served { future, left }
    }

    /// Something comes before its answer, or in place of it.
    pub fn apart(future: impl Future<Output = Result<Response, E>> + Send + 'static) -> Self {
        let future = Box::pin(future);
        Self::Apart { future }
    }
}

impl<F, R, E> Future for Answering<F, E>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Served { future, left } => {
                let mut response = ready!(future.poll(context))?.into_response();
                if let Some(left) = left {
                    left.tell(response.headers_mut());
                }
                Poll::Ready(Ok(response))
            }
            Projected::Apart { future } => future.as_mut().poll(context),
        }
    }
}
