// login.mjs - what a web page does to log its user in: authorization code with PKCE (RFC 7636). Both functions run in the
// page, so nothing outside them is in their reach.

// Leaves for the login page. Comes back to /back with a code.
export const leave = async ({ issuer, client, resource }) => {
  const text = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const verifier = text(crypto.getRandomValues(new Uint8Array(32)));
  const state = text(crypto.getRandomValues(new Uint8Array(16)));
  sessionStorage.setItem('login', JSON.stringify({ verifier, state }));
  const challenge = text(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
  const { authorization_endpoint: where } = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  location.assign(`${where}?` + new URLSearchParams({
    client_id: client, response_type: 'code', redirect_uri: `${location.origin}/back`, scope: 'openid join', resource, state,
    code_challenge: challenge, code_challenge_method: 'S256',
  }));
};

// Is back, and changes the code for an access token, which it keeps.
export const comeBack = async ({ issuer, client, resource }) => {
  const { verifier, state } = JSON.parse(sessionStorage.getItem('login'));
  const query = new URLSearchParams(location.search);
  if (query.get('state') !== state) throw new Error('somebody else asked for this login');
  const { token_endpoint: where } = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const answer = await fetch(where, { method: 'POST', body: new URLSearchParams({
    client_id: client, grant_type: 'authorization_code', redirect_uri: `${location.origin}/back`, resource,
    code: query.get('code'), code_verifier: verifier,
  }) });
  if (!answer.ok) throw new Error(`the token endpoint answered ${answer.status}`);
  window.accessToken = (await answer.json()).access_token;
};

// Asks without livekit-client, as a page that wants to tell its user why.
export const knock = async ({ endpoint, options }) => {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${window.accessToken}` },
    body: JSON.stringify(options),
  });
  return { status: answer.status, body: await answer.json() };
};
