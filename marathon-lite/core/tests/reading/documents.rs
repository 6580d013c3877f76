//! Documents that have every field there is.

use serde_json::{Value, json};

/// What can be read, with the name of its kind.
pub(crate) fn documents() -> Vec<(&'static str, Value)> {
    vec![
        ("app", app()),
        ("app", legacy_app()),
        ("app", with_what_is_not_offered()),
        ("group", group()),
        ("pod", pod()),
        ("update", app()),
    ]
}

/// An app in today's form.
pub(crate) fn app() -> Value {
    json!({
        "id": "/g/a", "cmd": "sleep 1", "cpus": 0.5, "mem": 64, "disk": 1, "gpus": 0, "instances": 2, "executor": "",
        "user": "root", "role": "*", "tty": false, "labels": {"l": "1"}, "env": {"A": "1", "B": {"secret": "s"}},
        "secrets": {"s": {"source": "file"}}, "dependencies": ["../b"], "requirePorts": false,
        "acceptedResourceRoles": ["*"], "constraints": [["rack", "GROUP_BY", "2"]],
        "networks": [{"mode": "container", "name": "n", "labels": {"a": "b"}}],
        "container": {
            "type": "DOCKER",
            "docker": {"image": "i", "forcePullImage": true, "privileged": false,
                       "parameters": [{"key": "hostname", "value": "h"}]},
            "volumes": [
                {"containerPath": "/a", "hostPath": "/b", "mode": "RO"},
                {"containerPath": "data", "mode": "RW", "persistent": {
                    "type": "mount", "size": 10, "maxSize": 20, "profileName": "p", "constraints": [["path", "LIKE", "x"]]
                }},
                {"containerPath": "/s", "secret": "s"},
            ],
            "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 8080, "protocol": "tcp", "name": "web",
                              "labels": {"x": "y"}, "networkNames": ["n"]}],
        },
        "residency": {"relaunchEscalationTimeoutSeconds": 60, "taskLostBehavior": "WAIT_FOREVER"},
        "fetch": [{"uri": "http://x/y", "extract": false, "executable": true, "cache": true, "destPath": "z"}],
        "healthChecks": [
            {"protocol": "HTTP", "path": "/h", "portIndex": 0, "gracePeriodSeconds": 1, "intervalSeconds": 2,
             "timeoutSeconds": 3, "maxConsecutiveFailures": 4, "delaySeconds": 5, "ignoreHttp1xx": true,
             "ipProtocol": "IPv4"},
            {"protocol": "COMMAND", "command": {"value": "true"}},
            {"protocol": "TCP", "port": 7},
        ],
        "readinessChecks": [{"name": "r", "protocol": "HTTPS", "path": "/r", "portName": "web", "intervalSeconds": 9,
                             "timeoutSeconds": 8, "httpStatusCodesForReady": [200, 204], "preserveLastResponse": true}],
        "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0, "progressDeadlineSeconds": 60,
                            "rollbackOnFailure": true,
                            "canarySteps": [{"instances": 1, "pauseSeconds": 2}, {"share": 0.5}]},
        "backoffSeconds": 2, "backoffFactor": 1.5, "maxLaunchDelaySeconds": 60, "killSelection": "OLDEST_FIRST",
        "unreachableStrategy": "disabled", "taskKillGracePeriodSeconds": 3,
    })
}

/// An app in the forms of before 1.5, with what a server of that time added.
pub(crate) fn legacy_app() -> Value {
    json!({
        "id": "a", "args": ["x"], "uris": ["http://x/y.tgz"], "ports": [8080],
        "container": {"docker": {"image": "i", "network": "USER"}},
        "ipAddress": {"networkName": "n", "labels": {"a": "b"}, "groups": [], "discovery": {"ports": [
            {"number": 80, "name": "web", "protocol": "udp", "labels": {"x": "y"}}
        ]}},
        "unreachableStrategy": {"inactiveAfterSeconds": 1, "expungeAfterSeconds": 2},
        "runOnce": true, "runOncePolicy": {"maxAttempts": 3},
        "version": "2020-01-01T00:00:00.000Z",
        "versionInfo": {"lastScalingAt": "2020-01-01T00:00:00.000Z", "lastConfigChangeAt": "2020-01-01T00:00:00.000Z"},
    })
}

/// Fields that are refused, and yet are looked at first.
fn with_what_is_not_offered() -> Value {
    json!({
        "id": "a", "cmd": "x", "portDefinitions": [{"port": 1, "protocol": "udp,tcp", "name": "n", "labels": {"a": "b"}}],
        "check": {"tcp": {}}, "executorResources": {"cpus": 1, "mem": 32, "disk": 10},
        "resourceLimits": {"cpus": "unlimited", "mem": 64},
        "container": {"type": "MESOS", "linuxInfo": {"seccomp": {}}, "docker": {
            "image": "i", "pullConfig": {"secret": "s"}, "credential": {"principal": "p"}, "network": "NONE"
        }, "volumes": [{"containerPath": "/a", "mode": "RW", "external": {"name": "n"}}]},
    })
}

/// A group with a group, an app and everything else that a group may have.
pub(crate) fn group() -> Value {
    json!({
        "id": "/g", "dependencies": [], "pods": [], "enforceRole": false, "version": "2020-01-01T00:00:00.000Z",
        "apps": [{"id": "b", "cmd": "x", "ports": [0]}],
        "groups": [{"id": "c", "apps": [{"id": "d", "cmd": "x"}], "groups": [], "dependencies": ["../b"]}],
    })
}

/// A pod.
pub(crate) fn pod() -> Value {
    json!({
        "id": "/p", "labels": {"l": "1"}, "user": "root", "environment": {"A": "1", "B": {"secret": "s"}},
        "secrets": {"s": {"source": "file"}}, "volumes": [{"name": "v", "host": "/v"}], "role": "*",
        "networks": [{"mode": "container/bridge", "labels": {"a": "b"}}], "version": "2020-01-01T00:00:00.000Z",
        "scaling": {"kind": "fixed", "instances": 2},
        "scheduling": {
            "backoff": {"backoff": 1.5, "backoffFactor": 2, "maxLaunchDelay": 60},
            "upgrade": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.5},
            "placement": {"constraints": [{"fieldName": "rack", "operator": "CLUSTER", "value": "r"}],
                          "acceptedResourceRoles": ["*"]},
            "killSelection": "OLDEST_FIRST",
            "unreachableStrategy": {"inactiveAfterSeconds": 1, "expungeAfterSeconds": 2},
        },
        "containers": [{
            "name": "one", "exec": {"command": {"shell": "x"}, "overrideEntrypoint": true},
            "resources": {"cpus": 0.1, "mem": 32, "disk": 1, "gpus": 0}, "user": "root", "tty": false,
            "endpoints": [{"name": "web", "containerPort": 80, "hostPort": 0, "protocol": ["tcp"], "labels": {"x": "y"},
                           "networkNames": []}],
            "image": {"kind": "DOCKER", "id": "i", "forcePull": true, "labels": {"a": "b"}},
            "environment": {"C": "1"}, "labels": {"m": "2"},
            "healthCheck": {"http": {"endpoint": "web", "path": "/h", "scheme": "HTTPS"}, "gracePeriodSeconds": 1,
                            "intervalSeconds": 2, "timeoutSeconds": 3, "delaySeconds": 4, "maxConsecutiveFailures": 5},
            "volumeMounts": [{"name": "v", "mountPath": "/m", "readOnly": true}],
            "artifacts": [{"uri": "http://x/y", "extract": false, "executable": true, "cache": true, "destPath": "z"}],
            "lifecycle": {"killGracePeriodSeconds": 1.5},
        }],
    })
}
