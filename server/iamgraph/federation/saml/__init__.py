"""A SAML 2.0 service provider: reads identity providers' metadata, and what their responses prove."""
