//! The pages, as a browser without JavaScript uses them: links, forms, cookies, redirects.

mod account;
mod assets;
mod brand;
mod errors;
mod hostile;
mod languages;
mod origin;
mod own_client;
mod person;
mod redirects;
mod register;
mod sign_in;

use countersign_auth::model::client::{Client, ClientKind, Style};

use crate::server::Server;

/// Where the application is that sends people here.
const APP: &str = "https://shop.example.com";
const BACK: &str = "https://shop.example.com/signed-in";

/// A server with the application `shop`, to which the pages may send people back.
async fn server() -> Server {
    let server = Server::start().await;
    shop(&server, |_| {}).await;
    server
}

async fn shop(server: &Server, change: impl FnOnce(&mut Client)) {
    server
        .put_client("shop", ClientKind::Browser, |client| {
            "The Shop".clone_into(&mut client.name);
            client.style = Style::Rotating;
            client.origins = vec![APP.to_owned()];
            client.redirect_uris = vec![BACK.to_owned()];
            change(client);
        })
        .await;
}
