"""The composition root: how the parts of the program are built and connected.

Modules:
    application   builds the whole program from its settings and servers
    consent_page  the page that asks people whether an application may act for them
    consent_markup  its markup
    consent_texts  what it says, in each language
    cookie_sessions  the routes of cookie sessions, and who may read files by a cookie
    domain_actions  what can be done beyond the operations that are derived from resources
    graphql       the GraphQL schema of all domains, and what serves it
    invitation_page  the page behind the link of an invitation
    jobs          the handlers of background jobs, and the worker that runs them
    landing_page  the page at `/`
    mail          the templates of mail, and the mailer that the settings name
    mailbox_page  the pages below /dev/mail, in development only
    openapi       the OpenAPI document of all domains
    page_template  pages of one HTML file, and their security policy
    realtime      the hub, broadcasts, presence, and the pub/sub channels between processes
    schedules     the service `scheduler`, and the handlers of the jobs that it enqueues
    unsubscribe_page  the page that ends the mails of weekly reports
"""
