//! Asks the pricing service, with a token of this service's own.

use std::{error::Error, time::Duration};

use countersign_guard::net::ServiceToken;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;

use crate::order::{Money, Sku};

/// How long a price may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 4096;

/// The price list, as it is elsewhere.
pub struct Prices {
    address: String,
    /// Asked for once in its life, however many prices are.
    token: ServiceToken,
    client: Client<HttpConnector, Empty<&'static [u8]>>,
}

/// Why there is no price.
#[derive(Debug, thiserror::Error)]
pub enum NoPrice {
    /// Nothing of this name is sold.
    #[error("this is not sold")]
    NotSold,
    /// The pricing service cannot be asked, or gives no good answer.
    #[error("the pricing service cannot be asked: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl Prices {
    /// Those of the service at this address, shown this token.
    #[must_use]
    pub fn new(address: String, token: ServiceToken) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            address,
            token,
            client,
        }
    }

    /// What one of these costs at this moment.
    ///
    /// # Errors
    /// [`NoPrice`] says why that is not known.
    pub async fn of(&self, sku: &Sku) -> Result<Money, NoPrice> {
        let answer = timeout(PATIENCE, self.ask(sku)).await;
        let answer = answer.map_err(|slow| NoPrice::Unavailable(slow.into()))?;
        let (status, body) = answer.map_err(NoPrice::Unavailable)?;
        match status {
            StatusCode::OK => {
                serde_json::from_slice(&body).map_err(|why| NoPrice::Unavailable(why.into()))
            }
            StatusCode::NOT_FOUND => Err(NoPrice::NotSold),
            refused => Err(NoPrice::Unavailable(format!("it answers {refused}").into())),
        }
    }

    async fn ask(&self, sku: &Sku) -> Result<(StatusCode, Vec<u8>), Box<dyn Error + Send + Sync>> {
        let token = self.token.get().await?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal()))?;
        bearer.set_sensitive(true);
        let request = Request::get(format!("{}/prices/{sku}", self.address))
            .header(header::AUTHORIZATION, bearer)
            .body(Empty::new())?;
        let answer = self.client.request(request).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.token.reject(&token); // the next try gets another
        }
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER)
            .collect()
            .await?;
        Ok((status, body.to_bytes().into()))
    }
}
