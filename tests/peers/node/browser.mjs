// browser.mjs CHROMIUM PAGE-PORT - a page with livekit-client in a real headless Chromium. Reads one JSON job a line on
// stdin and answers each with a RESULT line:
//   {"do": "talk", "source": JS, "options": {…}, "origin": ORIGIN}
//       evaluates JS to a TokenSource, fetches, joins, switches the microphone on, stays
//   {"do": "login", "origin": ORIGIN, "provider": {"issuer", "client", "resource"}, "user": NAME, "password": WORD}
//       a person logs in on the provider's own page and comes back; window.accessToken is theirs from then on
//   {"do": "enter", "source": JS, "options": {…}}
//       talk, in the page as it is
//   {"do": "knock", "endpoint": URL, "options": {…}}
//       asks for a token without livekit-client: what can the page read of the answer?
//   {"do": "leave"}
// The page's origin is not the endpoint's, so CORS is really exercised. End of input closes the browser.
import http from 'node:http';
import readline from 'node:readline';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import * as login from './login.mjs';

const [executablePath, port] = process.argv.slice(2);
const say = (result) => console.log('RESULT ' + JSON.stringify(result));

const library = readFileSync('node_modules/livekit-client/dist/livekit-client.umd.js');
const site = http.createServer((request, response) => {
  const script = request.url === '/lk.js';
  response.writeHead(200, { 'Content-Type': script ? 'text/javascript' : 'text/html' });
  response.end(script ? library : '<!doctype html><script src="/lk.js"></script>');
});
await new Promise((ready) => site.listen(Number(port), '127.0.0.1', ready));

const PATIENT_MS = 80000; // a machine that does much else at once; nothing waits for it when all is well
const browser = await chromium.launch({
  executablePath,
  timeout: PATIENT_MS,
  args: [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
  ],
});
const fresh = async () => {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENT_MS);
  return context.newPage();
};
let page = await fresh();

// Runs in the page.
const talk = async ({ source, options }) => {
  const { TokenSource, Room } = LivekitClient;
  const tokens = new Function('TokenSource', 'LivekitClient', `return (${source});`)(TokenSource, LivekitClient);
  const { serverUrl, participantToken } = await tokens.fetch(options);
  const room = new Room();
  await room.connect(serverUrl, participantToken, { websocketTimeout: 60000, peerConnectionTimeout: 60000 });
  await room.localParticipant.setMicrophoneEnabled(true);
  window.room = room;
  const me = room.localParticipant;
  return { room: room.name, identity: me.identity, name: me.name, metadata: me.metadata,
           attributes: { ...me.attributes }, tracks: me.trackPublications.size, serverUrl };
};

const JOBS = {
  async talk(job) {
    await page.goto(job.origin + '/');
    return { joined: true, ...(await page.evaluate(talk, job)) };
  },
  async login({ origin, provider, user, password }) {
    page = await fresh(); // nobody is logged in yet
    await page.goto(origin + '/');
    await page.evaluate(login.leave, provider);
    await page.waitForURL('**/login/*');
    await page.fill('input[name=user]', user);
    await page.fill('input[name=password]', password);
    await page.click('button');
    await page.waitForURL(`${origin}/back*`);
    await page.evaluate(login.comeBack, provider);
    return { loggedIn: true, at: new URL(page.url()).pathname };
  },
  async enter(job) {
    return { joined: true, ...(await page.evaluate(talk, job)) };
  },
  async knock(job) {
    return page.evaluate(login.knock, job);
  },
  async leave() {
    await page.evaluate(() => window.room.disconnect());
    return { left: true };
  },
};

say({ ready: true });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  try {
    say(await JOBS[job.do](job));
  } catch (error) {
    say({ joined: false, error: String(error) });
  }
}
await browser.close();
site.close();
