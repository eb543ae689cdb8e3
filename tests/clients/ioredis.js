// What an application does with ioredis, against the port given: databases 0 and 1.
const assert = require('node:assert');
const Redis = require('ioredis');

async function use(port, db) {
  const client = new Redis({ port, db, connectionName: 'test', maxRetriesPerRequest: 1 });
  await client.flushdb();
  assert.equal(await client.set('greeting', `hello ${db}`), 'OK');
  assert.equal(await client.get('greeting'), `hello ${db}`);
  assert.equal(await client.incrby('counter', 5), 5);
  const keys = Array.from({ length: 100 }, (_, n) => `key:${n}`);
  assert.equal(await client.mset(...keys.flatMap((key, n) => [key, n])), 'OK');
  assert.deepEqual(await client.mget(keys), keys.map((_, n) => String(n)));
  assert.equal(await client.del(keys), 100);
  assert.equal(await client.rpush('list', 'a', 'b'), 2);
  assert.deepEqual(await client.lrange('list', 0, -1), ['a', 'b']);
  assert.equal(await client.hset('hash', { f: 1, g: 2 }), 2);
  assert.deepEqual(await client.hgetall('hash'), { f: '1', g: '2' });
  assert.equal(await client.zadd('scores', 1, 'a', 2.5, 'b'), 2);
  assert.deepEqual(await client.zrange('scores', 0, -1, 'WITHSCORES'), ['a', '1', 'b', '2.5']);
  const replies = await Promise.all(Array.from({ length: 1000 }, (_, n) => client.set(`p:${n}`, n)));
  assert.ok(replies.every((reply) => reply === 'OK'));
  const seen = new Set();
  for await (const batch of client.scanStream({ match: 'p:*', count: 50 })) batch.forEach((key) => seen.add(key));
  assert.equal(seen.size, 1000);
  await assert.rejects(client.lpush('greeting', 'x'), /WRONGTYPE/);
  await client.quit();
}

(async () => {
  const port = Number(process.argv[2]);
  await use(port, 0);
  await use(port, 1);
  console.log('ioredis works');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
