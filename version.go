package identity

const (
	moduleName    = "communication-identity"
	moduleVersion = "v0.1.0"
)
