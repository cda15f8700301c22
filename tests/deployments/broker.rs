//! What makes a broker the gateways': its configuration and its users, at a real node.

use portolan_test_servers::Broker;

use crate::{deployments, said};

#[test]
fn a_broker_takes_its_configuration_and_its_users() {
    let configuration = std::fs::read_to_string(deployments("rabbitmq/rabbitmq.conf")).unwrap();
    // The names of its neighbours are those of compose; this one is alone.
    let alone = |line: &&str| !line.starts_with("cluster_formation.classic_config.nodes");
    let configuration: Vec<_> = configuration.lines().filter(alone).collect();
    let broker = Broker::configured(&(configuration.join("\n") + "\n"));
    let taken = "{application:get_env(rabbit, cluster_partition_handling), rabbit_nodes:cluster_name()}.";
    assert_eq!(broker.ctl(&["eval", taken]).trim(), "{{ok,pause_minority},<<\"portolan\">>}");

    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    let users = |word: &str| {
        std::fs::write(&password, word).unwrap();
        said(broker.script(&deployments("rabbitmq/users")).env("PASSWORD_FILE", &password));
        broker.ctl(&["authenticate_user", "portolan", word]);
    };
    users("first");
    // Once more, by another password.
    users("second");
    assert_eq!(broker.ctl(&["list_users", "--no-table-headers"]).trim(), "portolan\t[]");
    let permissions = broker.ctl(&["list_user_permissions", "portolan", "--no-table-headers"]);
    assert_eq!(permissions.trim(), "portolan\t^portolan\\.\t^(portolan\\..*|amq\\.default)$\t^portolan\\.");
}
