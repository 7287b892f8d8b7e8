//! Owners of sessions, each of whom renews in two tabs at the same moment and on two nodes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::field::{Field, NODES, renewal};

/// Renews until all is over. The last token.
pub async fn own(field: Arc<Field>, number: usize, mut token: String) -> String {
    // Each token, and the one that was given for it.
    let mut successors: HashMap<String, String> = HashMap::new();
    for round in 0.. {
        if field.is_over() {
            break;
        }
        let body = renewal(&token);
        let tab = async |node: usize| {
            let node = (number + round + node) % NODES;
            field
                .expect(200, node, "POST /v1/refresh", None, Some(&body))
                .await
        };
        let answers = if round % 3 == 0 {
            [tab(0).await, None]
        } else {
            <[_; 2]>::from(tokio::join!(tab(0), tab(1)))
        };
        let mut next = None;
        for answer in answers.into_iter().flatten() {
            let successor = answer.text("refresh_token");
            let is_new = successor != token;
            field
                .journal
                .count(if is_new { "renewed" } else { "the same again" });
            if is_new {
                let before = successors.insert(token.clone(), successor.clone());
                if before.is_some_and(|before| before != successor) {
                    field
                        .journal
                        .wrong(format!("owner {number} has two successors of one token"));
                }
            }
            // A tab that was told of the old one as still good came before the other.
            next = next.filter(|_| !is_new).or(Some(successor));
        }
        match next {
            Some(next) => {
                token = next;
                sleep(rest(number, round)).await;
            }
            None => sleep(Duration::from_millis(100)).await,
        }
    }
    token
}

/// A second, more or less; each owner and round its own, the same in every run.
fn rest(number: usize, round: usize) -> Duration {
    let mixed = (number * 31 + round * 17 + number * round) % 36;
    Duration::from_millis(700) + Duration::from_millis(20) * u32::try_from(mixed).unwrap()
}
