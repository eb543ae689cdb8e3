// Two Socket.IO servers that reach each other's clients by the redis adapter, against the port given.
const assert = require('node:assert');
const { createServer } = require('node:http');
const { once } = require('node:events');
const { Server } = require('socket.io');
const { io } = require('socket.io-client');
const { createAdapter } = require('@socket.io/redis-adapter');
const Redis = require('ioredis');

const port = Number(process.argv[2]);

async function serve() {
  const publisher = new Redis({ port });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.ping(), subscriber.ping()]);
  const http = createServer();
  const server = new Server(http, { adapter: createAdapter(publisher, subscriber) });
  server.on('connection', (socket) => {
    socket.on('join', (room, done) => { socket.join(room); done(); });
    socket.on('question', (word, answer) => answer(word));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return { server, port: http.address().port };
}

async function connect(to) {
  const socket = io(`http://127.0.0.1:${to.port}`, { transports: ['websocket'] });
  await once(socket, 'connect');
  return socket;
}

// The first words of `count` events that come to `socket`.
function heard(socket, event, count = 1) {
  const words = [];
  return new Promise((resolve) => {
    socket.on(event, (word) => { if (words.push(word) === count) resolve(words); });
  });
}

(async () => {
  const [one, two] = [await serve(), await serve()];
  const [anna, bert] = [await connect(one), await connect(two)];
  // Each adapter is to know of the other before it counts on it.
  while (await one.server.of('/').adapter.serverCount() < 2) await new Promise(setImmediate);

  const everybody = Promise.all([heard(anna, 'news'), heard(bert, 'news')]);
  one.server.emit('news', 'all');
  assert.deepEqual(await everybody, [['all'], ['all']]);

  await bert.emitWithAck('join', 'room');
  const inRoom = heard(bert, 'room-news', 50);
  for (let n = 0; n < 50; n += 1) one.server.to('room').emit('room-news', n);
  assert.deepEqual(await inRoom, Array.from({ length: 50 }, (_, n) => n));

  const sockets = await one.server.fetchSockets();
  assert.deepEqual(sockets.map((socket) => socket.id).sort(), [anna.id, bert.id].sort());
  bert.on('asked', (answer) => answer('bert'));
  anna.on('asked', (answer) => answer('anna'));
  assert.deepEqual((await one.server.timeout(20_000).emitWithAck('asked')).sort(), ['anna', 'bert']);

  two.server.on('between', (word, answer) => answer(`heard ${word}`));
  assert.deepEqual(await one.server.serverSideEmitWithAck('between', 'this'), ['heard this']);
  const gone = once(bert, 'disconnect');
  one.server.in('room').disconnectSockets(true);
  await gone;
  console.log('socket.io works');
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
