package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	maxDocument  = 1 << 20 // bytes of a discovery document or a key set
	maxRedirects = 10
)

// withoutDowngrade returns a client that does not follow redirects from https to http: whoever can change the keys on
// their way is every user.
func withoutDowngrade(client *http.Client) *http.Client {
	strict := *client
	strict.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		switch {
		case via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https":
			return errors.New("a redirect from https to http")
		case client.CheckRedirect != nil:
			return client.CheckRedirect(r, via)
		case len(via) >= maxRedirects:
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		return nil
	}
	return &strict
}

// fetchKeySet returns the issuer's JSON Web Key Set.
func fetchKeySet(ctx context.Context, issuer Issuer, client *http.Client) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	url := issuer.KeysURL
	if url == "" {
		discovered, err := discover(ctx, issuer.URL, client)
		if err != nil {
			return nil, err
		}
		url = discovered
	}
	return get(ctx, url, client)
}

// discover returns where the issuer's keys are, according to its discovery document.
func discover(ctx context.Context, issuer string, client *http.Client) (string, error) {
	url := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	content, err := get(ctx, url, client)
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		KeysURL string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(content, &document); err != nil {
		return "", fmt.Errorf("%s: %w", url, err)
	}
	if document.Issuer != issuer {
		return "", fmt.Errorf("%s: the issuer is %.200q", url, document.Issuer)
	}
	if !strings.HasPrefix(document.KeysURL, "https://") && (strings.HasPrefix(issuer, "https://") || !strings.HasPrefix(document.KeysURL, "http://")) {
		return "", errors.New(url + ": no jwks_uri with the issuer's scheme")
	}
	return document.KeysURL, nil
}

func get(ctx context.Context, url string, client *http.Client) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", url, response.StatusCode)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	if len(content) > maxDocument {
		return nil, fmt.Errorf("%s: more than %d bytes", url, maxDocument)
	}
	return content, nil
}
