// signal.mjs URL TOKEN|@FILE - the cheapest real join: the WebSocket alone. Says what the server made of the token.
// A file, because a token past the server's own limits does not fit into an argument.
import { readFileSync } from 'node:fs';
import { SignalResponse } from '@livekit/protocol';
import WebSocket from 'ws';

const [url, word] = process.argv.slice(2);
const token = word.startsWith('@') ? readFileSync(word.slice(1), 'utf8') : word;
const say = (result) => console.log('RESULT ' + JSON.stringify(result));

// The token goes in the header, not the query: a long one must reach the server's own limits.
const socket = new WebSocket(`${url}/rtc?protocol=16`, { headers: { Authorization: `Bearer ${token}` } });
// Nothing here calls process.exit(): it would cut off what is still on its way to a pipe.
socket.on('unexpected-response', (request, response) => {
  say({ joined: false, status: response.statusCode });
  request.destroy();
});
socket.on('error', (error) => say({ joined: false, error: String(error) }));
socket.on('message', (data) => {
  const { message } = SignalResponse.fromBinary(new Uint8Array(data));
  if (message.case !== 'join') return;
  const me = message.value.participant;
  say({
    joined: true,
    room: message.value.room.name,
    identity: me.identity,
    name: me.name,
    metadata: me.metadata,
    attributes: me.attributes,
    permission: me.permission.toJson({ emitDefaultValues: true }),
  });
  socket.close();
});
