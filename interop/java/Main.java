/** Runs the judges and prints a row for each. The argument is the folder of errors.json. */
final class Main {
    private Main() {
    }

    public static void main(String[] args) {
        Checks identity = new Checks("azure-communication-identity");
        IdentityJudge.run(identity, args[0]);
        identity.print();
        Checks signIn = new Checks("azure-identity");
        SignInJudge.run(signIn);
        signIn.print();
        System.exit(0); // the SDK's threads would keep the program running for a while
    }
}
