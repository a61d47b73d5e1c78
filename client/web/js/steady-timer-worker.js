/** steady-timer-worker.js - the other side of steady-timer.js, in a worker: says each number back when its time has come. */
self.addEventListener('message', (event) => {
  const { id, delayMs } = event.data;
  setTimeout(() => self.postMessage(id), delayMs);
});
