package graphsdk_test

import (
	_ "github.com/microsoft/kiota-authentication-azure-go"
	_ "github.com/microsoftgraph/msgraph-sdk-go-core"
	_ "github.com/microsoftgraph/msgraph-sdk-go/applications"
	_ "github.com/microsoftgraph/msgraph-sdk-go/deviceappmanagement"
	_ "github.com/microsoftgraph/msgraph-sdk-go/devicemanagement"
	_ "github.com/microsoftgraph/msgraph-sdk-go/groups"
	_ "github.com/microsoftgraph/msgraph-sdk-go/identity"
	_ "github.com/microsoftgraph/msgraph-sdk-go/users"
)
