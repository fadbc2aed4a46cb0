"""Signing in with a provider: OpenID Connect (Google, GitLab, Microsoft, Apple, any issuer) and GitHub.

provider             what a provider is: where a browser is sent, and whom the provider says it has signed in
catalog              makes the providers that are on from the settings
oidc_provider        providers that sign ID tokens
github_provider      GitHub, which has none
apple_secret         Apple's client secret, which the program signs itself
discovery            endpoints and keys of an issuer
id_tokens            verifies ID tokens
profiles             what claims say about a person, and whether their address is proven
flows                visits of browsers to a provider: state, nonce, PKCE
identity_repository  reads and writes identities
account_linking      which account a person at a provider signs in to
identities           adds an identity to an account, and removes one
sign_in              the use cases: a browser's visit, and an app's ID token
composition          builds them
errors               errors with GoTrue's codes
"""
