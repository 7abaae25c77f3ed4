package emulator_test

import (
	"context"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
)

// signUp is the code under test. It creates a user who can chat, and returns the user's ID and token.
func signUp(ctx context.Context, client *identity.Client) (id, token string, err error) {
	created, err := client.CreateUserAndToken(ctx, []identity.TokenScope{identity.TokenScopeChat}, nil)
	if err != nil {
		return "", "", err
	}
	return created.User.ID, created.AccessToken.Token, nil
}

// One line starts a server for a test, with a client of it. The server knows what the code under test did.
func testSignUp(t *testing.T) { // in your code: TestSignUp
	server, client := emulator.Start(t)

	id, token, err := signUp(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}

	claims, err := server.InspectToken(token)
	if err != nil {
		t.Fatal(err)
	}
	if claims.RawID != id {
		t.Errorf("the token is for %s instead of %s", claims.RawID, id)
	}
}

func ExampleStart() {
	_ = testSignUp // go test calls it
}
