// join.mjs URL TOKEN - joins with the official Node SDK and says what it became. rtc-node logs to stdout itself,
// so our line is marked.
import { Room, dispose } from '@livekit/rtc-node';

const [url, token] = process.argv.slice(2);
const say = (result) => console.log('RESULT ' + JSON.stringify(result));

const room = new Room();
try {
  await room.connect(url, token, { autoSubscribe: true, dynacast: false });
  const me = room.localParticipant;
  say({
    joined: true,
    room: room.name,
    identity: me.identity,
    name: me.name,
    metadata: me.metadata,
    attributes: me.attributes,
  });
  await room.disconnect();
} catch (error) {
  say({ joined: false, error: String(error) });
} finally {
  await dispose();
}
