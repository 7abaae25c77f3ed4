// Package cause adds to errors why a context has ended.
package cause

import (
	"context"
	"errors"
	"fmt"
)

// Add returns an error that also wraps the cause of the context's end, if it has one that
// the error does not wrap yet.
func Add(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || Wraps(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// Wraps is errors.Is for targets of any type, also those that == panics for.
func Wraps(err, target error) (is bool) {
	defer func() { _ = recover() }()
	return errors.Is(err, target)
}
