/*
 * init_idp.c - the login providers of `roomkey init`: issuer, audience or what replaces it,
 * algorithms, who somebody is, and where the provider keeps groups.
 *
 * Text only, in the order of roomkey.yaml. Facts: security reference s.1.7 and s.2.2. Every value
 * an operator must supply has RKD_INIT_MARK in front; everything else is the provider's own and
 * right as it stands. May touch: nothing.
 */
#include "cli/init_idp.h"

#include "core/str.h"

#define FILL RKD_INIT_MARK " "

/* clang-format off */
static const char entra_caller[] =
    "    oidc:\n"
    "      # Entra admin center, App registrations, the registration of your *API* (not of the front end).\n"
    "      # \"Directory (tenant) ID\" on its Overview page. Its manifest must say\n"
    "      # \"requestedAccessTokenVersion\": 2; with null or 1 tokens come from https://sts.windows.net/TENANT-ID/\n"
    "      # (with the slash), and their audience is the App ID URI (api://...).\n"
    "      issuer: " FILL "\"https://login.microsoftonline.com/TENANT-ID/v2.0\"\n"
    "      # \"Application (client) ID\" on the same page, a GUID.\n"
    "      audience: [" FILL "\"APPLICATION-CLIENT-ID\"]\n"
    "      algorithms: [RS256]\n"
    "      require: { ver: \"2.0\" }             # and azp: \"...\" to take one front end's tokens only\n"
    "    # The object id: it stays when names change. Never email, upn or preferred_username: administrators of\n"
    "    # a tenant set those at will. `sub` is another one in every application.\n"
    "    identity: \"{oid}\"\n"
    "    display_name: [\"{name}\", \"{preferred_username}\"]\n";
static const char entra_rule[] =
    "    # scp: the scope under \"Expose an API\"; tokens of machines have none, so they get nothing here.\n"
    "    # roles: an app role under \"App roles\", given to people or groups under Enterprise applications.\n"
    "    # (The claim `groups` holds object ids, and nothing at all for members of more than 200 groups.)\n"
    "    when: { scp: " FILL "\"access_as_user\", roles: " FILL "\"Rooms.Join\" }\n"
    "    room: [\"team-*\"]\n";

static const char auth0_caller[] =
    "    oidc:\n"
    "      # Auth0 dashboard, Applications, your application: \"Domain\", with https:// in front and the slash\n"
    "      # behind. With a custom domain it is that one.\n"
    "      issuer: " FILL "\"https://TENANT.eu.auth0.com/\"\n"
    "      # Applications, APIs: \"Identifier\". The front end must ask for this audience when it logs in, else\n"
    "      # its access token is opaque and nobody but Auth0 can read it.\n"
    "      audience: [" FILL "\"https://roomkey.example.org\"]\n"
    "      algorithms: [RS256]\n"
    "      # require: { azp: CLIENT-ID }       # to take one application's tokens only\n"
    "    identity: \"{sub}\"                     # auth0|... ; never email or nickname\n"
    "    # Access tokens carry no name. An Action can add one: api.accessToken.setCustomClaim(\"display_name\", ...)\n"
    "    display_name: [\"{display_name}\"]\n";
static const char auth0_rule[] =
    "    # APIs, your API, Settings: \"Enable RBAC\" and \"Add Permissions in the Access Token\"; then give people\n"
    "    # the permission by a role. gty: machines that log in with a client secret are kept out.\n"
    "    when: { permissions: " FILL "\"rooms:join\", not: { gty: client-credentials } }\n"
    "    room: [\"team-*\"]\n";

static const char okta_caller[] =
    "    oidc:\n"
    "      # Okta admin console, Security, API, Authorization Servers: \"Issuer URI\" of a *custom* authorization\n"
    "      # server (`default` is one). Tokens of the org server, https://ORG.okta.com, are for Okta alone.\n"
    "      issuer: " FILL "\"https://ORG.okta.com/oauth2/default\"\n"
    "      # \"Audience\" on the same page. api://default is everybody's; a server of its own for LiveKit is better.\n"
    "      audience: [" FILL "\"api://default\"]\n"
    "      algorithms: [RS256]\n"
    "      # require: { cid: CLIENT-ID }       # to take one application's tokens only\n"
    "    # uid is Okta's own id of the user. `sub` is the login name, which can change hands.\n"
    "    identity: \"{uid}\"\n"
    "    display_name: [\"{name}\", \"{sub}\"]    # `name` only if the authorization server adds that claim\n";
static const char okta_rule[] =
    "    # Claims tab of the authorization server: add \"groups\", include in Access Token, value type Groups, and\n"
    "    # a filter that names the groups meant for this (all of them make a large token).\n"
    "    when: { groups: " FILL "\"livekit-users\" }\n"
    "    room: [\"team-*\"]\n";

static const char keycloak_caller[] =
    "    oidc:\n"
    "      # Realm settings, Endpoints, OpenID Endpoint Configuration: the value of \"issuer\". It is the address\n"
    "      # browsers use (KC_HOSTNAME), also where roomkey reaches Keycloak by another. Keycloak before 17:\n"
    "      # https://HOST/auth/realms/REALM.\n"
    "      issuer: " FILL "\"https://KEYCLOAK-HOST/realms/REALM\"\n"
    "      # Keycloak puts no audience of ours into a token by itself: Client scopes, your front end's dedicated\n"
    "      # scope, Add mapper, Audience, \"Included Custom Audience\" roomkey, \"Add to access token\". Not\n"
    "      # `account`: that one is in everybody's token.\n"
    "      audience: [roomkey]\n"
    "      algorithms: [RS256]\n"
    "      require: { typ: Bearer }            # access tokens; ID and refresh tokens say another typ\n"
    "      # allow_http: [keycloak]            # in a cluster, with jwks_uri: http://keycloak:8080/realms/...\n"
    "    identity: \"{sub}\"                     # never preferred_username or email: users edit those\n"
    "    display_name: [\"{name}\", \"{preferred_username}\"]\n";
static const char keycloak_rule[] =
    "    # The same dedicated scope, Add mapper, Group Membership, token claim name `groups`, \"Full group path\"\n"
    "    # off. Realm roles are there without a mapper: when: { /realm_access/roles: ROLE }.\n"
    "    when: { groups: " FILL "\"livekit-users\" }\n"
    "    room: [\"team-*\"]\n";

static const char supabase_caller[] =
    "    oidc:\n"
    "      # Project Settings, General: \"Reference ID\".\n"
    "      issuer: " FILL "\"https://PROJECT-REF.supabase.co/auth/v1\"\n"
    "      audience: [authenticated]           # Supabase's own, in every signed-in user's token\n"
    "      # Project Settings, JWT Keys: a project with asymmetric signing keys. One that still signs with the\n"
    "      # legacy shared secret needs `algorithms: [HS256]` and `hs256_secret_file: supabase.key` in its place.\n"
    "      algorithms: [ES256, RS256]\n"
    "      # role: keeps the public anon key and the service_role key out. is_anonymous: users who did not sign up.\n"
    "      require: { role: authenticated, is_anonymous: false }\n"
    "    identity: \"{sub}\"\n"
    "    # user_metadata is text the user writes: good for showing, never for deciding.\n"
    "    display_name: [\"{/user_metadata/full_name}\", \"{/user_metadata/name}\"]\n";
static const char supabase_rule[] =
    "    # app_metadata is yours: set it with the service key, auth.admin.updateUserById(id,\n"
    "    # { app_metadata: { groups: [\"livekit-users\"] } }). Never `when` on user_metadata.\n"
    "    when: { /app_metadata/groups: " FILL "\"livekit-users\" }\n"
    "    room: [\"team-*\"]\n";

static const char clerk_caller[] =
    "    oidc:\n"
    "      # Clerk dashboard, Configure, API keys: \"Frontend API URL\"; https://NAME.clerk.accounts.dev in\n"
    "      # development.\n"
    "      issuer: " FILL "\"https://clerk.DOMAIN\"\n"
    "      # Session tokens have no audience; azp, the origin your pages are served from, takes its place.\n"
    "      require: { azp: " FILL "\"https://app.example.org\" }\n"
    "      algorithms: [RS256]\n"
    "      clock_skew: 10s                     # they live for 60 s\n"
    "    identity: \"{sub}\"                     # user_...\n"
    "    # Session tokens carry no name; Sessions, Customize session token can add one:\n"
    "    # { \"display_name\": \"{{user.full_name}}\" }\n"
    "    display_name: [\"{display_name}\"]\n";
static const char clerk_rule[] =
    "    # o is the organization that is active in the session (session token v2; v1 has org_id and org_role).\n"
    "    # sts: a session that still owes a task, such as choosing an organization, is pending.\n"
    "    when: { /o/rol: " FILL "[admin, member], not: { sts: pending } }\n"
    "    room: [\"{/o/id}__*\"]                  # an organization's own rooms: org_2ab__standup\n";

static const char firebase_caller[] =
    "    oidc:\n"
    "      # Firebase console, Project settings, General: \"Project ID\", in both places. The keys are those of\n"
    "      # every Firebase project there is: these two lines are the wall between yours and all others.\n"
    "      issuer: " FILL "\"https://securetoken.google.com/PROJECT-ID\"\n"
    "      audience: [" FILL "\"PROJECT-ID\"]\n"
    "      algorithms: [RS256]\n"
    "      jwks_uri: https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com\n"
    "    identity: \"{sub}\"                     # the uid; never email unless email_verified, never phone_number\n"
    "    display_name: [\"{name}\"]\n";
static const char firebase_rule[] =
    "    # groups: a custom claim, set by your server: getAuth().setCustomUserClaims(uid, { groups: [...] }).\n"
    "    # sign_in_provider: people who did not sign up are kept out.\n"
    "    when: { groups: " FILL "\"livekit-users\", not: { /firebase/sign_in_provider: anonymous } }\n"
    "    room: [\"team-*\"]\n";

static const char cognito_caller[] =
    "    oidc:\n"
    "      # Cognito console, your user pool: region and \"User pool ID\" (eu-central-1_AbCdEfGhI).\n"
    "      issuer: " FILL "\"https://cognito-idp.REGION.amazonaws.com/USER-POOL-ID\"\n"
    "      # Access tokens have no audience; client_id takes its place: App clients, \"Client ID\". For ID tokens\n"
    "      # it is `audience: [CLIENT-ID]` and `require: { token_use: id }`.\n"
    "      require: { token_use: access, client_id: " FILL "\"APP-CLIENT-ID\" }\n"
    "      algorithms: [RS256]\n"
    "    identity: \"{sub}\"                     # never username, email or custom attributes clients can write\n"
    "    # Access tokens carry no name; a pre token generation trigger (V2) can add one.\n"
    "    display_name: [\"{name}\"]\n";
static const char cognito_rule[] =
    "    # Groups of the user pool come by themselves.\n"
    "    when: { \"cognito:groups\": " FILL "\"livekit-users\" }\n"
    "    room: [\"team-*\"]\n";

static const char google_caller[] =
    "    oidc:\n"
    "      issuer: https://accounts.google.com\n"
    "      # Google Cloud console, APIs & Services, Credentials: \"Client ID\" of your web application. The front end\n"
    "      # sends the ID token (`credential` of Sign in with Google); Google's access tokens are opaque.\n"
    "      audience: [" FILL "\"CLIENT-ID.apps.googleusercontent.com\"]\n"
    "      algorithms: [RS256]\n"
    "      jwks_uri: https://www.googleapis.com/oauth2/v3/certs\n"
    "      # Your Workspace domain. Without this line everybody with a Google account is a caller. An address\n"
    "      # that ends in your domain is no proof; hd is.\n"
    "      require: { hd: " FILL "\"example.org\", email_verified: true }\n"
    "    identity: \"{sub}\"                     # never email: addresses change hands\n"
    "    display_name: [\"{name}\"]\n";
static const char google_rule[] =
    "    # ID tokens of Google hold no groups. To tell people apart, ask your own service: `ask` in\n"
    "    # roomkey.yaml(5).\n"
    "    room: [\"team-*\"]\n";

static const char generic_caller[] =
    "    oidc:\n"
    "      # The value of \"issuer\" in ISSUER/.well-known/openid-configuration, byte for byte: a slash at the end\n"
    "      # counts. discovery_url says where that document is when it is not under the issuer.\n"
    "      issuer: " FILL "\"https://login.example.org/\"\n"
    "      # What the provider writes into `aud` of tokens that are meant for this service: often a name you\n"
    "      # register for the API. Never a value that tokens for other services have too.\n"
    "      audience: [" FILL "\"roomkey\"]\n"
    "      algorithms: [RS256, ES256]\n"
    "      # require: { azp: CLIENT-ID }       # claims that must equal\n"
    "    identity: \"{sub}\"                     # an id that never changes hands: not email, not a user name\n"
    "    display_name: [\"{name}\", \"{preferred_username}\"]\n";
static const char generic_rule[] =
    "    # The claim that holds groups or roles; a JSON Pointer where it lies deeper: /realm_access/roles.\n"
    "    when: { groups: " FILL "\"livekit-users\" }\n"
    "    room: [\"team-*\"]\n";

static const struct rkd_idp idps[] = {
    {"entra", "Microsoft Entra ID, one tenant", entra_caller, entra_rule},
    {"auth0", "Auth0", auth0_caller, auth0_rule},
    {"okta", "Okta", okta_caller, okta_rule},
    {"keycloak", "Keycloak", keycloak_caller, keycloak_rule},
    {"supabase", "Supabase", supabase_caller, supabase_rule},
    {"clerk", "Clerk", clerk_caller, clerk_rule},
    {"firebase", "Firebase Authentication", firebase_caller, firebase_rule},
    {"cognito", "Amazon Cognito", cognito_caller, cognito_rule},
    {"google", "Google", google_caller, google_rule},
    {"generic", "an OpenID Connect provider", generic_caller, generic_rule},
};
/* clang-format on */

const struct rkd_idp *rkd_idp_at(size_t index)
{
    return index < ARRAY_LEN(idps) ? &idps[index] : NULL;
}
