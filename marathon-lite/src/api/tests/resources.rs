//! What is read.

use super::*;

#[tokio::test]
async fn apps_are_listed_with_counts_and_deployments() {
    let world = World::new();
    let got = world.get("/v2/apps").await;
    assert_eq!((got.status, got.header("content-type")), (StatusCode::OK, "application/json"));
    let apps = got.json();
    let apps = apps["apps"].as_array().unwrap();
    assert_eq!(apps.iter().map(|app| &app["id"]).collect::<Vec<_>>(), ["/job", "/shop/web"]);
    let web = &apps[1];
    let counts =
        ["tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy"].map(|name| web[name].as_u64().unwrap());
    assert_eq!(counts, [1, 2, 1, 0]);
    assert_eq!(web["deployments"], json!([{"id": "d-1"}]));
    assert!(web.get("tasks").is_none() && web.get("lastTaskFailure").is_none());
    assert_eq!(apps[0]["labels"], json!({}), "load balancers index it");
    assert_eq!(apps[0]["networks"], json!([{"mode": "host"}]));
}

#[tokio::test]
async fn apps_tell_what_is_asked_for() {
    let world = World::new();
    let got =
        world.get("/v2/apps/?embed=apps.tasks&embed=apps.readiness&embed=apps.lastTaskFailure&id=shop").await.json();
    let web = &got["apps"][0];
    let tasks = web["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 3);
    assert_eq!(tasks[0]["id"], task("/shop/web", 1).as_str());
    assert_eq!(tasks[0]["servicePorts"], json!([]));
    assert_eq!(tasks[0]["healthCheckResults"][0]["alive"], true);
    assert!(tasks[1].get("healthCheckResults").is_none(), "an empty list would mean sick");
    assert_eq!(tasks[2]["state"], "TASK_STAGING");
    let ready = &web["readinessCheckResults"][0];
    assert_eq!((&ready["taskId"], &ready["ready"]), (&tasks[0]["id"], &json!(false)));
    assert_eq!(ready["lastResponse"], json!({"status": 503, "contentType": "text/plain", "body": "soon"}));
    assert_eq!(web["lastTaskFailure"]["state"], "TASK_FAILED");
    let stats = &world.get("/v2/apps?embed=apps.taskStats&id=shop").await.json()["apps"][0]["taskStats"];
    assert_eq!(
        stats["totalSummary"]["stats"]["counts"],
        json!({"staged": 1, "running": 2, "healthy": 1, "unhealthy": 0})
    );
    assert!(stats["totalSummary"]["stats"]["lifeTime"]["medianSeconds"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn apps_are_filtered() {
    let world = World::new();
    for (query, expected) in [
        ("cmd=report", vec!["/job"]),
        ("id=/shop", vec!["/shop/web"]),
        ("label=tier%3D%3Dfront", vec!["/shop/web"]),
        ("label=tier+in+(front,back)", vec!["/shop/web"]),
        ("label=tier!=front", vec![]),
        ("cmd=&id=", vec!["/job", "/shop/web"]),
    ] {
        let got = world.get(&format!("/v2/apps?{query}")).await.json();
        let ids: Vec<&str> = got["apps"].as_array().unwrap().iter().map(|app| app["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{query}");
    }
    assert_eq!(world.get("/v2/apps?label=a=b").await.status, 422);
}

#[tokio::test]
async fn a_single_app_is_found_whatever_its_slashes() {
    let world = World::new();
    for uri in ["/v2/apps/shop/web", "/v2/apps//shop/web/", "/v2/apps/%2Fshop%2Fweb"] {
        let got = world.get(uri).await;
        assert_eq!(got.status, 200, "{uri}");
        let app = &got.json()["app"];
        assert_eq!(app["id"], "/shop/web");
        assert_eq!((app["tasks"].as_array().unwrap().len(), &app["lastTaskFailure"]["host"]), (3, &json!("h9")));
    }
    let missing = world.get("/v2/apps/none").await;
    assert_eq!((missing.status.as_u16(), missing.json()), (404, json!({"message": "App '/none' does not exist"})));
}

#[tokio::test]
async fn apps_below_a_group_their_tasks_and_versions() {
    let world = World::new();
    assert_eq!(world.get("/v2/apps/shop/*").await.json()["*"][0]["id"], "/shop/web");
    assert_eq!(world.get("/v2/apps/*").await.json()["*"].as_array().unwrap().len(), 2);
    let tasks = world.get("/v2/apps/shop/web/tasks").await.json();
    assert_eq!(tasks["tasks"][0]["servicePorts"], json!([10_001, 0]));
    assert_eq!(world.get("/v2/apps/shop/*/tasks").await.json(), tasks);
    assert_eq!(world.get("/v2/apps/none/tasks").await.status, 404);
    let versions = world.get("/v2/apps/shop/web/versions").await.json();
    assert_eq!(versions, json!({"versions": ["1970-01-01T00:00:02.000Z", "1970-01-01T00:00:01.000Z"]}));
    let old = world.get("/v2/apps/shop/web/versions/1970-01-01T00:00:01.000Z").await.json();
    assert_eq!((&old["instances"], old.get("app")), (&json!(7), None));
    let wrong = world.get("/v2/apps/shop/web/versions/yesterday").await;
    assert_eq!(wrong.status, 422);
    let message = "Invalid timestamp provided 'yesterday'. Expecting ISO-8601 datetime string.";
    assert_eq!(wrong.json()["message"], message);
    let missing = world.get("/v2/apps/shop/web/versions/1970-01-01T00:00:09.000Z").await;
    assert_eq!(missing.json()["message"], "App '/shop/web' does not exist in version 1970-01-01T00:00:09.000Z");
}

#[tokio::test]
async fn tasks_are_listed_and_written_for_proxies() {
    let world = World::new();
    let all = world.get("/v2/tasks").await.json();
    let all = all["tasks"].as_array().unwrap();
    assert_eq!(all.len(), 4, "pods have a list of their own");
    assert_eq!(all[1]["servicePorts"], json!([10_001, 0]));
    assert_eq!(world.get("/v2/tasks?status=staging").await.json()["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(
        world.get("/v2/tasks?status[]=running&status[]=staging").await.json()["tasks"].as_array().unwrap().len(),
        4
    );
    let text = world.send(Method::GET, "/v2/tasks", &[("accept", "text/plain")], "").await;
    assert!(text.header("content-type").starts_with("text/plain"));
    assert_eq!(text.text, "job\t \th4\t\nshop_web\t10001\th1:31001\th2:31002\t\nshop_web\t \t\n");
}

#[tokio::test]
async fn deployments_are_listed() {
    let got = World::new().get("/v2/deployments").await.json();
    let action = json!({"action": "RestartApplication", "app": "/shop/web"});
    let deployment = &got[0];
    assert_eq!(deployment["steps"], json!([{"actions": [action]}]));
    assert_eq!((&deployment["currentStep"], &deployment["totalSteps"]), (&json!(1), &json!(1)));
    assert_eq!((&deployment["affectedApps"], &deployment["affectedPods"]), (&json!(["/shop/web"]), &json!([])));
    let current = &deployment["currentActions"][0];
    assert_eq!((&current["app"], &current["readinessCheckResults"][0]["ready"]), (&json!("/shop/web"), &json!(false)));
}

#[tokio::test]
async fn groups_are_trees() {
    let world = World::new();
    let root = world.get("/v2/groups").await.json();
    assert_eq!((&root["id"], &root["apps"][0]["id"]), (&json!("/"), &json!("/job")));
    let shop = &root["groups"][0];
    assert_eq!(
        (&shop["id"], &shop["apps"][0]["id"], &shop["pods"][0]["id"]),
        (&json!("/shop"), &json!("/shop/web"), &json!("/shop/cache"))
    );
    assert_eq!(world.get("/v2/groups//shop/").await.json(), *shop);
    let embedded = world.get("/v2/groups/shop?embed=group.apps.counts").await.json();
    assert_eq!((&embedded["apps"][0]["tasksRunning"], &embedded["pods"]), (&json!(2), &json!([])));
    assert_eq!(world.get("/v2/groups/shop/apps").await.json()[0]["id"], "/shop/web");
    let missing = world.get("/v2/groups/none").await;
    assert_eq!((missing.status.as_u16(), missing.json()), (404, json!({"message": "Group '/none' does not exist"})));
    assert_eq!(world.get("/v2/groups/shop/versions").await.json(), json!(["1970-01-01T00:00:02.000Z"]));
    assert_eq!(world.get("/v2/groups/versions").await.json().as_array().unwrap().len(), 2);
    let empty = world.get("/v2/groups/versions/1970-01-01T00:00:00.001Z").await.json();
    assert_eq!((&empty["id"], &empty["apps"]), (&json!("/"), &json!([])));
    assert_eq!(world.get("/v2/groups/shop/versions/1970-01-01T00:00:00.001Z").await.status, 404);
    assert_eq!(world.send(Method::GET, "/v2/groups", &[], "\"\"").await.status, 200, "a GET may have a body");
}

#[tokio::test]
async fn pods_and_how_they_do() {
    let world = World::new();
    let head = world.send(Method::HEAD, "/v2/pods", &[], "").await;
    assert_eq!(head.status, 200);
    assert_eq!(world.get("/v2/pods").await.json()[0]["id"], "/shop/cache");
    assert_eq!(world.get("/v2/pods/shop/cache").await.json()["containers"][0]["name"], "redis");
    let status = world.get("/v2/pods/shop/cache::status").await.json();
    assert_eq!((&status["status"], &status["spec"]["id"]), (&json!("STABLE"), &json!("/shop/cache")));
    let instance = &status["instances"][0];
    assert_eq!((&instance["status"], &instance["agentHostname"]), (&json!("STABLE"), &json!("h5")));
    assert_eq!(instance["containers"][0]["status"], "TASK_RUNNING");
    assert_eq!(world.get("/v2/pods::status").await.json(), json!([status]));
    assert_eq!(world.get("/v2/pods/none").await.status, 404);
    assert_eq!(world.get("/v2/pods/shop/cache::other").await.status, 404);
}

#[tokio::test]
async fn the_server_tells_of_itself() {
    let world = World::new();
    let info = world.get("/v2/info").await.json();
    assert_eq!(
        (&info["frameworkId"], &info["leader"], &info["elected"]),
        (&json!("F-1"), &json!("h0:8080"), &json!(true))
    );
    assert_eq!(world.get("/v2/leader").await.json(), json!({"leader": "h0:8080"}));
    assert_eq!(world.get("/v2/plugins").await.json(), json!({"plugins": []}));
    let ping = world.get("/ping").await;
    assert_eq!((ping.text.as_str(), ping.header("content-type")), ("pong", "text/plain"));
    assert!(world.get("/metrics").await.text.contains("marathon_apps 2"));
    let metrics = world.send(Method::GET, "/metrics", &[("accept", "application/json")], "").await.json();
    assert_eq!(metrics["gauges"]["marathon_apps"]["value"], 2.0);
    assert_eq!(world.get("/v2/queue").await.json(), json!({"queue": []}));
}
