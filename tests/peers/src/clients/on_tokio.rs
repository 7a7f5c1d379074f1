//! [`OnTokio`]: what clients need that are made for tokio.

use std::error::Error;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::workload::Workload;

/// A client on a runtime of one thread for one call after the other, which costs it least, and another client on a
/// runtime with a thread for each core for several at once. Connections do not outlive the runtime they were made on.
pub struct OnTokio<C> {
    sequential: (Runtime, C),
    concurrent: (Runtime, C),
}

impl<C: Clone> OnTokio<C> {
    pub fn new(client: impl Fn() -> Result<C, Box<dyn Error>>) -> Result<Self, Box<dyn Error>> {
        let sequential = (Builder::new_current_thread().enable_all().build()?, client()?);
        let concurrent = (Builder::new_multi_thread().enable_all().build()?, client()?);
        Ok(Self { sequential, concurrent })
    }

    /// Has `put` make so many calls: by itself, or in as many tasks as the workload says.
    pub fn put<F: Future<Output = ()> + Send + 'static>(
        &self,
        workload: &Arc<Workload>,
        calls: usize,
        put: impl Fn(C, Arc<Workload>, usize) -> F,
    ) {
        if workload.in_flight == 1 {
            let (runtime, client) = &self.sequential;
            runtime.block_on(put(client.clone(), Arc::clone(workload), calls));
        } else {
            let (runtime, client) = &self.concurrent;
            runtime.block_on(async {
                let task = |_| put(client.clone(), Arc::clone(workload), calls / workload.in_flight);
                (0..workload.in_flight).map(task).collect::<JoinSet<()>>().join_all().await;
            });
        }
    }
}
