// What an application does with BullMQ, against the port given: jobs that succeed, fail, are tried again, wait, and form
// a flow. A script changes many keys of a queue at once: a hash tag as their prefix keeps them in one slot.
const assert = require('node:assert');
const { FlowProducer, Queue, QueueEvents, Worker } = require('bullmq');

const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };
const options = { connection, prefix: '{bull}' };
const PATIENCE_MS = 30_000;

(async () => {
  const queue = new Queue('paint', options);
  const events = new QueueEvents('paint', { ...options, lastEventId: '0-0' });
  await events.waitUntilReady();
  const worker = new Worker('paint', async (job) => {
    if (job.name === 'broken') throw new Error('broken on purpose');
    if (job.name === 'second-time' && job.attemptsMade === 0) throw new Error('not yet');
    if (job.name === 'whole') return Object.values(await job.getChildrenValues()).sort();
    await job.updateProgress(50);
    return `${job.data.colour}!`;
  }, { ...options, concurrency: 4 });
  const result = (job) => job.waitUntilFinished(events, PATIENCE_MS);

  const one = await queue.add('one', { colour: 'red' });
  assert.equal(await result(one), 'red!');
  const many = await queue.addBulk(Array.from({ length: 100 }, (_, n) => ({ name: 'many', data: { colour: n } })));
  assert.deepEqual(await Promise.all(many.map(result)), many.map((_, n) => `${n}!`));
  assert.equal(await result(await queue.add('later', { colour: 'blue' }, { delay: 100 })), 'blue!');
  assert.equal(await result(await queue.add('first', { colour: 'green' }, { priority: 1 })), 'green!');
  assert.equal(await result(await queue.add('second-time', { colour: 'grey' }, { attempts: 2 })), 'grey!');
  await assert.rejects(result(await queue.add('broken', {})), /broken on purpose/);

  const flow = new FlowProducer(options);
  const children = ['a', 'b'].map((colour) => ({ name: 'part', data: { colour }, queueName: 'paint' }));
  const tree = await flow.add({ name: 'whole', queueName: 'paint', data: {}, children });
  assert.deepEqual(await result(tree.job), ['a!', 'b!']);

  // Some versions count more states than were asked for.
  const { completed, failed, active, waiting, delayed } = await queue.getJobCounts(
    'completed', 'failed', 'active', 'waiting', 'delayed');
  assert.deepEqual({ completed, failed, active, waiting, delayed },
    { completed: 107, failed: 1, active: 0, waiting: 0, delayed: 0 });
  await queue.obliterate({ force: true });
  await Promise.all([worker, events, flow, queue].map((part) => part.close()));
  console.log('bullmq works');
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
