import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;

/** The emulator's address and its control API. */
final class Emulator {
    static final String CONNECTION_STRING = System.getenv("ACS_CONNECTION_STRING");
    static final String ENDPOINT = System.getenv("ACS_EMULATOR_ENDPOINT");
    static final String ACCESS_KEY = CONNECTION_STRING.split(";accesskey=")[1];

    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static final ObjectMapper JSON = new ObjectMapper();

    private Emulator() {
    }

    static JsonNode control(String method, String path, String body) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(ENDPOINT + "/_emulator/" + path));
        request.header("Content-Type", "application/json");
        request.method(method, HttpRequest.BodyPublishers.ofString(body));
        HttpResponse<String> response = CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() >= 300) {
            throw new IOException(method + " " + path + ": " + response.statusCode() + " " + response.body());
        }
        return JSON.readTree(response.body());
    }

    static JsonNode inspect(String token) throws IOException, InterruptedException {
        return control("POST", "inspect-token", "{\"token\":\"" + token + "\"}");
    }

    static List<String> users() throws IOException, InterruptedException {
        List<String> ids = new ArrayList<>();
        control("GET", "users", "").forEach(user -> ids.add(user.get("id").asText()));
        return ids;
    }

    /** Returns the statuses of the operation's requests, oldest first. */
    static List<Integer> statuses(String operation) throws IOException, InterruptedException {
        List<Integer> statuses = new ArrayList<>();
        for (JsonNode request : control("GET", "requests", "")) {
            if (operation.equals(Checks.text(request, "operation"))) {
                statuses.add(request.get("status").asInt());
            }
        }
        return statuses;
    }

    static void clearRequests() throws IOException, InterruptedException {
        control("DELETE", "requests", "");
    }

    /** Injects a fault into one request. The fields are in JSON, without braces. */
    static void inject(String fields) throws IOException, InterruptedException {
        control("POST", "faults", "{\"times\":1," + fields + "}");
    }

    static String entraToken(String fields) throws IOException, InterruptedException {
        return control("POST", "entra-tokens", "{" + fields + "}").get("token").asText();
    }

    static String resourceId() throws IOException, InterruptedException {
        return control("GET", "info", "").get("resourceId").asText();
    }

    static void withClock(String offset, Checks.Work work) throws Exception {
        control("PUT", "clock", "{\"offset\":\"" + offset + "\"}");
        try {
            work.run();
        } finally {
            control("PUT", "clock", "{\"offset\":\"0s\"}");
        }
    }
}
