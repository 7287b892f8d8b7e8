//! Many futures at once, in one task.

use std::task::Poll;

/// What all of them come to, in their order.
pub async fn all<F: Future>(each: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = each.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
