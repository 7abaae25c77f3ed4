import com.azure.communication.identity.implementation.models.CommunicationError;
import com.azure.communication.identity.implementation.models.CommunicationErrorResponse;
import com.azure.communication.identity.models.IdentityError;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.util.CoreUtils;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** Counts the checks of one package, and prints them as a row. */
final class Checks {
    interface Work {
        void run() throws Exception;
    }

    private final String packageName;
    private int checks;
    private int failures;

    Checks(String packageName) {
        this.packageName = packageName;
    }

    void check(String name, boolean ok, Object detail) {
        checks++;
        if (!ok) {
            failures++;
            System.err.printf("java, %s: %s: %s%n", packageName, name, detail);
        }
    }

    void equal(String name, Object got, Object want) {
        check(name, Objects.equals(got, want), "got " + got + ", want " + want);
    }

    /** Checks that a time is so many minutes from now, give or take one. */
    void within(String name, OffsetDateTime time, long minutes) {
        long off = Duration.between(OffsetDateTime.now().plusMinutes(minutes), time).toSeconds();
        check(name, Math.abs(off) < 60, "off by " + off + " seconds");
    }

    /** Checks status, code, message and target of the service's answer to a call. Without a message, any will do. */
    void rejects(String name, Work call, int status, String code, String message, String target) throws Exception {
        try {
            call.run();
            check(name, false, "the call did not fail");
        } catch (HttpResponseException exception) {
            Reason reason = Reason.of(exception.getValue());
            List<Object> got = Arrays.asList(exception.getResponse().getStatusCode(), reason.code,
                    message == null ? null : reason.message, reason.target);
            equal(name, got, Arrays.asList(status, code, message, target));
        }
    }

    /** The service's error: the synchronous client has it in a class of its implementation package. */
    private record Reason(String code, String message, String target) {
        static Reason of(Object value) {
            if (value instanceof CommunicationErrorResponse response) {
                CommunicationError error = response.getError();
                return new Reason(error.getCode(), error.getMessage(), error.getTarget());
            }
            IdentityError error = (IdentityError) value;
            return new Reason(error.getCode(), error.getMessage(), error.getTarget());
        }
    }

    static String text(JsonNode node, String field) {
        return node.hasNonNull(field) ? node.get(field).asText() : null;
    }

    /** Counts an exception as a failure. */
    void section(String name, Work work) {
        try {
            work.run();
        } catch (Exception | LinkageError exception) {
            check(name, false, exception);
            exception.printStackTrace();
        }
    }

    void print() {
        String version = CoreUtils.getProperties(packageName + ".properties").get("version");
        System.out.printf("row\tjava\tcom.azure:%s\t%s\t%d\t%d%n", packageName, version, checks, failures);
    }
}
