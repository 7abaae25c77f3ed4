package identitytest_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
)

func TestEveryMethodIsInTheTableOfOperations(t *testing.T) {
	t.Parallel()
	for method := range reflect.TypeFor[*identity.Client]().Methods() {
		isListed := slices.ContainsFunc(identitytest.Operations, func(op identitytest.Operation) bool { return op.GoName() == method.Name })
		assert.True(t, isListed, "add Client.%s to the table in internal/identitytest/operations.go", method.Name)
	}
}
