//! One command starts everything, as often as one likes, and Ctrl-C stops it.

use std::net::TcpStream;

use crate::demo::{Demo, bash, free_port};

#[tokio::test]
async fn it_starts_prints_commands_that_work_and_begins_again_where_it_ended() {
    let demo = Demo::start();
    let lines = demo.said.lines().map(str::trim);
    let commands: Vec<&str> = lines
        .filter(|line| line.starts_with("curl") || line.starts_with("TOKEN="))
        .collect();
    let said = bash(&demo, &commands.join("\n"));
    assert!(
        said.contains(r#""state":"PLACED","total":{"amount":9800"#),
        "{said}"
    );
    let ada = demo.sign_in("ada", "shop").await;
    let orders = demo.orders_of(&ada).await;

    let ports = [&demo.server, &demo.metrics, &demo.orders, &demo.pricing]
        .map(|address| address.rsplit_once(':').unwrap().1.parse().unwrap());
    let folder = demo.interrupt();
    for port in ports {
        assert!(
            TcpStream::connect(("localhost", port)).is_err(),
            "{port} is still served"
        );
    }

    let demo = Demo::start_in(folder, ports);
    let ada = demo.sign_in("ada", "shop").await;
    assert_eq!(demo.orders_of(&ada).await, orders);
    demo.order(&ada, "another").await;
    let folder = demo.interrupt();

    // At other addresses, too.
    let demo = Demo::start_in(folder, [(); 4].map(|()| free_port()));
    let ada = demo.sign_in("ada", "shop").await;
    assert_eq!(demo.orders_of(&ada).await.len(), 2);
}
