//! Docker containers as tasks, in a real engine.

use anyhow::{Context, Result};
use e2e::{
    cluster::Plan,
    image,
    scheduler::{Scheduler, shell},
};
use proffer_proto::v1::{
    Container, Docker, DockerNetwork, KillRequest, Mount, PortMapping, Range, Ranges, Resource, TaskInfo, TaskState,
    container, resource,
};

fn contained(id: &str, line: &str, docker: Docker) -> TaskInfo {
    let mut task = shell(id, line);
    let docker = Docker { image: image::BUSYBOX.to_owned(), ..docker };
    task.container = Some(Container { kind: Some(container::Kind::Docker(docker)) });
    task
}

#[tokio::test]
async fn a_container_runs_and_its_output_stays() -> Result<()> {
    if image::without_docker() {
        return Ok(());
    }
    let engine = image::engine().await?;
    image::busybox(&engine).await?;
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let host = cluster.directory.path().join("shared");
    std::fs::create_dir(&host)?;
    std::fs::write(host.join("file"), "from outside")?;
    let volumes =
        vec![Mount { source: host.display().to_string(), container_path: "/data".to_owned(), read_only: true }];
    let line = "cat /data/file; echo; echo kept > $PROFFER_SANDBOX/kept; exit 7";
    scheduler.run(contained("boxed", line, Docker { volumes, ..Docker::default() })).await?;
    let status = scheduler.reaches("boxed", TaskState::TaskFailed).await?;
    assert_eq!(status.exit_code, Some(7), "{}", status.message);
    let sandbox = cluster.agent_directory(0).join("sandboxes").join(&scheduler.subscribed.framework_id).join("boxed");
    assert_eq!(std::fs::read_to_string(sandbox.join("stdout"))?, "from outside\n");
    assert_eq!(std::fs::read_to_string(sandbox.join("kept"))?, "kept\n");
    Ok(())
}

#[tokio::test]
async fn a_bridged_container_is_reached_through_its_port_and_killed() -> Result<()> {
    if image::without_docker() {
        return Ok(());
    }
    let engine = image::engine().await?;
    image::busybox(&engine).await?;
    let port = e2e::cluster::free_port()?;
    let cluster = Plan::agents(1, &format!("cpus:2;mem:512;ports:[{port}-{port}]")).start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let mapping = PortMapping { host_port: u32::from(port), container_port: 8000, udp: false };
    let docker = Docker { network: DockerNetwork::Bridge.into(), port_mappings: vec![mapping], ..Docker::default() };
    let mut task = contained("web", "echo hi > /tmp/index.html; httpd -f -p 8000 -h /tmp", docker);
    let range = Range { begin: u64::from(port), end: u64::from(port) };
    let value = Some(resource::Value::Ranges(Ranges { ranges: vec![range] }));
    task.resources.push(Resource { name: "ports".to_owned(), value, ..Resource::default() });
    task.kill_grace_ms = Some(200);
    scheduler.run(task).await?;
    let running = scheduler.reaches("web", TaskState::TaskRunning).await?;
    let id = running.container.context("the container is told")?.container_id;
    let address = format!("127.0.0.1:{port}");
    e2e::wait::until("the server answers", || async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(&address).await.ok()?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.ends_with("hi\n").then_some(())
    })
    .await?;
    let request = KillRequest { session_id: scheduler.session(), task_ids: vec!["web".to_owned()], grace_ms: None };
    scheduler.client.kill(request).await?;
    scheduler.reaches("web", TaskState::TaskKilled).await?;
    e2e::wait::until("the container is not running", || async {
        let inspected = engine.inspect_container(&id, None).await;
        match inspected {
            Ok(container) => (container.state?.running == Some(false)).then_some(()),
            Err(_) => Some(()),
        }
    })
    .await
}
