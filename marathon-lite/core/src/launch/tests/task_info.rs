//! Tasks, as agents are given them.

use super::world::{World, app_spec, launched, path, pod_spec};
use crate::launch::{NewInstance, RunSpec};
use proto_types::{
    TaskInfo,
    container::{Container, Docker, Network},
    health::Probe,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn launch(spec: &RunSpec) -> NewInstance {
    let mut world = World::new();
    world.secrets.insert("/s/pw".into(), "hush".into());
    world.queue.want(spec, 1, world.now);
    let offer = world.offer("h1;rack:a", "cpus:8;mem:8192;disk:100;ports:[31000-31009]");
    let uses = world.use_offers(vec![offer]);
    let mut all = launched(&uses).cloned();
    all.next().unwrap_or_else(|| panic!("{:?}", world.queue.items()))
}

fn task(body: Value) -> Arc<TaskInfo> {
    Arc::clone(&launch(&app_spec(body)).tasks[0])
}

fn docker(task: &TaskInfo) -> &Docker {
    let Some(Container::Docker(docker)) = &task.container else { panic!("{task:?}") };
    docker
}

#[test]
fn a_process_gets_all_that_its_app_says() {
    let spec = app_spec(json!({
        "id": "/shop/web", "cmd": "exec server", "cpus": 0.5, "mem": 64, "user": "www", "labels": {"a": "b"},
        "env": {"X": "1", "P": {"secret": "pw"}}, "secrets": {"pw": {"source": "/s/pw"}},
        "fetch": [{"uri": "http://h/a.tgz", "cache": true, "destPath": "a"}], "taskKillGracePeriodSeconds": 7,
        "portDefinitions": [{"port": 0, "name": "http"}, {"port": 0, "protocol": "udp,tcp", "name": "dns"}],
        "healthChecks": [
            {"protocol": "HTTP", "portIndex": 0},
            {"protocol": "MESOS_HTTP", "portIndex": 1, "path": "x", "maxConsecutiveFailures": 5, "delaySeconds": 3},
        ],
    }));
    let launched = launch(&spec);
    let (instance, task) = (&launched.instance, &launched.tasks[0]);
    assert_eq!((instance.id.as_str(), &instance.app, instance.host.as_str()), ("shop_web.1", &path("/shop/web"), "h1"));
    assert_eq!((instance.health.len(), instance.host_ports.len(), launched.group), (2, 2, false));
    let (first, second) = (instance.host_ports[0], instance.host_ports[1]);
    assert_eq!(second, first + 1);
    assert_eq!((task.id.as_str(), task.name.as_str()), ("shop_web.1", "web.shop"));
    assert_eq!(task.resources.to_string(), format!("cpus:0.5;mem:64;ports:[{first}-{second}]"));
    assert_eq!((task.command.value.as_str(), task.command.shell), ("exec server", true));
    let variable = |name: &str| task.command.environment.get(name).map(String::as_str);
    assert_eq!((variable("X"), variable("P"), variable("HOST")), (Some("1"), Some("hush"), Some("h1")));
    assert_eq!(variable("PORT1"), Some(second.to_string().as_str()));
    assert_eq!(task.command.user.as_deref(), Some("www"));
    let uri = &task.command.uris[0];
    assert_eq!(
        (uri.value.as_str(), uri.cache, uri.extract, uri.output_file.as_deref()),
        ("http://h/a.tgz", true, true, Some("a"))
    );
    assert_eq!((task.kill_grace, task.container.is_none()), (Some(Duration::from_secs(7)), true));
    assert_eq!(task.labels, [("a".to_owned(), "b".to_owned())].into());
    let check = task.health_check.as_ref().unwrap();
    assert_eq!(check.probe, Probe::Http { scheme: "http".into(), port: second, path: "/x".into() });
    assert_eq!(
        (check.consecutive_failures, check.delay, check.grace_period),
        (5, Duration::from_secs(3), Duration::from_secs(300))
    );
    let ports: Vec<String> = task
        .discovery
        .as_ref()
        .unwrap()
        .ports
        .iter()
        .map(|port| format!("{} {} {}", port.name, port.number - first, port.protocol))
        .collect();
    assert_eq!(ports, ["http 0 tcp", "dns 1 udp", "dns 1 tcp"]);
}

#[test]
fn a_container_in_a_bridge() {
    let task = task(json!({
        "id": "/a", "args": ["serve"], "networks": [{"mode": "container/bridge"}],
        "healthChecks": [{"protocol": "MESOS_TCP", "portIndex": 0}],
        "container": {
            "docker": {"image": "i:1", "forcePullImage": true, "privileged": true, "parameters": [
                {"key": "hostname", "value": "n"}, {"key": "label", "value": "k=v=w"}, {"key": "entrypoint", "value": "/e"}]},
            "volumes": [{"containerPath": "/in", "hostPath": "/out", "mode": "RO"}],
            "portMappings": [{"containerPort": 80, "protocol": "udp,tcp"}, {"containerPort": 0, "hostPort": 31005}],
        },
    }));
    let docker = docker(&task);
    assert_eq!((docker.image.as_str(), docker.force_pull, docker.privileged), ("i:1", true, true));
    assert_eq!((&docker.network, docker.hostname.as_deref()), (&Network::Bridge, Some("n")));
    assert_eq!(docker.entrypoint, Some(vec!["/e".to_owned()]));
    assert_eq!(task.command.arguments, ["serve"]);
    assert_eq!((docker.labels["k"].as_str(), docker.labels["MESOS_TASK_ID"].as_str()), ("v=w", "a.1"));
    assert!(docker.volumes[0].read_only && docker.volumes[0].source == "/out");
    let mapped: Vec<u16> = docker.port_mappings.iter().map(|mapping| mapping.container_port).collect();
    assert_eq!(mapped, [80, 80, 31005], "0 in the container is the port on the agent");
    assert_eq!(docker.port_mappings[2].host_port, 31005);
    assert_eq!(task.health_check.as_ref().unwrap().probe, Probe::Tcp { port: 80 });
}

#[test]
fn a_line_for_the_shell_in_an_image_and_a_network_of_its_own() {
    let task = task(json!({
        "id": "/a", "cmd": "echo $X", "networks": [{"mode": "container", "name": "n"}],
        "healthChecks": [{"protocol": "COMMAND", "command": {"value": "true"}}],
        "secrets": {"s": {"source": "file:///s"}},
        "container": {"type": "MESOS", "docker": {"image": "i"}, "portMappings": [{"containerPort": 80, "name": "p"}],
            "volumes": [{"containerPath": "/run/s", "secret": "s"}]},
    }));
    let docker = docker(&task);
    assert_eq!(docker.entrypoint, Some(vec!["/bin/sh".to_owned()]));
    assert_eq!(
        (task.command.arguments.as_slice(), task.command.shell),
        (&["-c".to_owned(), "echo $X".to_owned()][..], false)
    );
    assert_eq!((&docker.network, docker.port_mappings.len()), (&Network::Named("n".into()), 0));
    assert_eq!((docker.volumes[0].source.as_str(), docker.volumes[0].read_only), ("/s", true));
    assert_eq!(task.discovery.as_ref().unwrap().ports[0].number, 80);
    let probe = &task.health_check.as_ref().unwrap().probe;
    assert_eq!(*probe, Probe::Command { command: vec!["true".into()], shell: true, environment: Default::default() });
    assert_eq!(task.resources.to_string(), "cpus:1;mem:128");
}

#[test]
fn a_pod_is_a_group_of_tasks() {
    let launched = launch(&pod_spec(json!({"id": "/p", "user": "u", "containers": [
        {"name": "web", "exec": {"command": {"shell": "serve"}}, "resources": {"cpus": 1, "mem": 64},
         "endpoints": [{"name": "http", "hostPort": 0}],
         "healthCheck": {"http": {"endpoint": "http", "path": "/ok"}}},
        {"name": "log", "image": {"kind": "DOCKER", "id": "i"}, "exec": {"command": {"argv": ["ship"]}},
         "resources": {"cpus": 0.5, "mem": 32}, "user": "v", "volumeMounts": [{"name": "d", "mountPath": "/d", "readOnly": true}]},
    ], "volumes": [{"name": "d", "host": "/data"}]})));
    let (instance, tasks) = (&launched.instance, &launched.tasks);
    assert!(launched.group);
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!((instance.id.as_str(), ids), ("p.1", vec!["p.1.web", "p.1.log"]));
    let told: Vec<&str> = instance.containers.iter().map(|container| container.task.as_str()).collect();
    assert_eq!(told, ["p.1.web", "p.1.log"]);
    let port = instance.host_ports[0];
    assert_eq!(tasks[0].resources.to_string(), format!("cpus:1;mem:64;ports:[{port}-{port}]"));
    assert_eq!(tasks[1].resources.to_string(), "cpus:0.5;mem:32");
    assert_eq!(tasks[1].command.environment["EP_HOST_HTTP"], port.to_string());
    assert_eq!((tasks[0].command.user.as_deref(), tasks[1].command.user.as_deref()), (Some("u"), Some("v")));
    assert_eq!(
        tasks[0].health_check.as_ref().unwrap().probe,
        Probe::Http { scheme: "http".into(), port, path: "/ok".into() }
    );
    let docker = docker(&tasks[1]);
    assert_eq!((docker.entrypoint.as_ref(), tasks[1].command.arguments.as_slice()), (None, &["ship".to_owned()][..]));
    assert_eq!((docker.volumes[0].source.as_str(), docker.volumes[0].read_only), ("/data", true));
}

#[test]
fn containers_of_pods_keep_or_replace_the_entrypoint() {
    let run = |exec: Value| {
        let spec = pod_spec(json!({"id": "/p", "networks": [{"mode": "container/bridge"}], "containers": [
            {"name": "c", "image": {"kind": "DOCKER", "id": "i"}, "exec": exec, "resources": {"cpus": 1, "mem": 64},
             "endpoints": [{"name": "e", "containerPort": 80, "hostPort": 0}],
             "healthCheck": {"tcp": {"endpoint": "e"}}}]}));
        let task = Arc::clone(&launch(&spec).tasks[0]);
        let docker = docker(&task);
        assert_eq!((&docker.network, docker.port_mappings[0].container_port), (&Network::Bridge, 80));
        assert_eq!(task.health_check.as_ref().unwrap().probe, Probe::Tcp { port: 80 });
        let entrypoint = docker.entrypoint.as_ref().map_or("-".to_owned(), |entrypoint| entrypoint.join(" "));
        format!("{entrypoint} | {}", task.command.arguments.join(" "))
    };
    let argv = json!({"argv": ["a", "b"]});
    let shell = json!({"shell": "x y"});
    assert_eq!(run(json!({"command": argv})), "- | a b");
    assert_eq!(run(json!({"command": argv, "overrideEntrypoint": true})), "a | b");
    assert_eq!(run(json!({"command": shell})), "/bin/sh | -c x y");
    assert_eq!(run(json!({"command": shell, "overrideEntrypoint": false})), "- | /bin/sh -c x y");
}

#[test]
fn the_same_arguments_give_the_same_tasks() {
    let spec = app_spec(json!({"id": "/a", "cmd": "x", "portDefinitions": [{"port": 0}, {"port": 0}]}));
    assert_eq!(launch(&spec), launch(&spec));
}
