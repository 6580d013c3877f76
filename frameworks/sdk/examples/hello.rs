//! The smallest framework: three tasks, then the end.

use proffer_framework::{Context, Framework, Offer, Scheduler, TaskState, TaskStatus, task};

/// Runs three tasks, tells what becomes of them, and ends.
#[derive(Default)]
struct Hello {
    launched: u32,
    over: u32,
}

impl Scheduler for Hello {
    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>) {
        for offer in offers {
            if self.launched == 3 {
                context.decline(&offer);
                continue;
            }
            self.launched += 1;
            let hello = task(format!("hello-{}", self.launched)).shell("echo hello").cpus(0.1).mem(16.0);
            context.launch(&offer, [hello.build().expect("the id and the amounts are valid")]);
        }
    }

    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus) {
        println!("{} is {} {}", status.task, status.state, status.message);
        if status.state.is_terminal() {
            self.over += 1;
        }
        if status.state == TaskState::Failed || self.over == 3 {
            context.teardown();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), proffer_framework::Error> {
    Framework::builder("hello").master("127.0.0.1:5050").run(&mut Hello::default()).await
}
