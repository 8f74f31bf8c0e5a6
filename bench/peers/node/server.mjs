// The Node peer: node:http, zod as the original validates, the official SDK. Reads the body, checks, mints, answers.
import http from 'node:http';
import { AccessToken } from 'livekit-server-sdk';
import { z } from 'zod';

const name = z.string().min(1).max(255).regex(/^[a-zA-Z0-9_-]+$/);
const schema = z.object({ roomName: name, participantIdentity: name });

async function answer(text) {
  const ask = schema.safeParse(JSON.parse(text));
  if (!ask.success) return null;
  const { roomName, participantIdentity } = ask.data;
  const token = new AccessToken('APIbenchbench', 'bench-secret-bench-secret-bench-secret-',
    { identity: participantIdentity, name: participantIdentity, ttl: 3600 });
  token.addGrant({ roomJoin: true, room: roomName, canPublish: true, canSubscribe: true });
  return JSON.stringify({ token: await token.toJwt(), roomName, participantIdentity });
}

http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    const json = await answer(Buffer.concat(parts).toString()).catch(() => null);
    if (json === null) response.writeHead(400).end();
    else response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) }).end(json);
  });
}).listen(Number(process.argv[2] ?? 9006), '127.0.0.1');
