/// The version that the command line and `GET status` tell.
package enum WaggleVersion {
    package static let text = "0.1.0"
}
