// browser.mjs CHROMIUM PAGE-PORT - a page with livekit-client in a real headless Chromium. Reads one JSON job a line on
// stdin and answers each with a RESULT line:
//   {"do": "talk", "source": JS, "options": {…}, "origin": ORIGIN}
//       evaluates JS to a TokenSource, fetches, joins, switches the microphone on, stays
//   {"do": "leave"}
// The page's origin is not the endpoint's, so CORS is really exercised. End of input closes the browser.
import http from 'node:http';
import readline from 'node:readline';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [executablePath, port] = process.argv.slice(2);
const say = (result) => console.log('RESULT ' + JSON.stringify(result));

const library = readFileSync('node_modules/livekit-client/dist/livekit-client.umd.js');
const site = http.createServer((request, response) => {
  const script = request.url === '/lk.js';
  response.writeHead(200, { 'Content-Type': script ? 'text/javascript' : 'text/html' });
  response.end(script ? library : '<!doctype html><script src="/lk.js"></script>');
});
await new Promise((ready) => site.listen(Number(port), '127.0.0.1', ready));

const browser = await chromium.launch({
  executablePath,
  args: [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
  ],
});
const page = await browser.newPage();

// Runs in the page.
const talk = async ({ source, options }) => {
  const { TokenSource, Room } = LivekitClient;
  const tokens = new Function('TokenSource', 'LivekitClient', `return (${source});`)(TokenSource, LivekitClient);
  const { serverUrl, participantToken } = await tokens.fetch(options);
  const room = new Room();
  await room.connect(serverUrl, participantToken);
  await room.localParticipant.setMicrophoneEnabled(true);
  window.room = room;
  const me = room.localParticipant;
  return { room: room.name, identity: me.identity, name: me.name, metadata: me.metadata,
           attributes: { ...me.attributes }, tracks: me.trackPublications.size, serverUrl };
};

say({ ready: true });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  try {
    if (job.do === 'talk') {
      await page.goto(job.origin + '/');
      say({ joined: true, ...(await page.evaluate(talk, job)) });
    } else {
      await page.evaluate(() => window.room.disconnect());
      say({ left: true });
    }
  } catch (error) {
    say({ joined: false, error: String(error) });
  }
}
await browser.close();
site.close();
